//! Erasing a user, and exporting a user's data.

use std::fmt::Write as _;

use futures_util::TryStreamExt as _;
use messaging_core::{
    ConversationId, ErrorKind, HostOpen, Messaging, Side,
    clock::SequentialIds,
    domain::{
        erasure::erased_user,
        report::{Outcome, Remark},
        scope::ListScope,
    },
    memory::MemoryStore,
    operations::Exported,
    participant::{HistoryFrom, MarkOnRead, NewReport},
    store::{
        ConversationStore as _, Direction, HistoryScan, ModerationStore as _, ReportScan, StoreErrorKind,
    },
    verify::ConversationRange,
};
use messaging_testkit::{
    fake::{Effect, FailingStore},
    make::limit,
    recount,
};

use crate::support::*;

/// Returns all data of conversations and messages that the port exposes.
async fn stored_text(store: &MemoryStore, ids: &[ConversationId]) -> String {
    let mut shown = String::new();
    for id in ids {
        let scan = HistoryScan::new(*id, Direction::After(0), limit(100));
        let page = store.list_messages(&scan).await.unwrap().unwrap();
        write!(shown, "{page:?}").unwrap();
        let texts = page.rows.iter().map(|row| row.message.body.stored_text());
        shown.extend(texts);
    }
    shown
}

/// Carl's conversations with alpine and baltic, and one of another client with alpine.
async fn scene() -> (World, [ConversationId; 3]) {
    let world = World::new();
    let alpine = world.open().await;
    let baltic = world
        .messaging
        .open_conversation(&carl(), &open("baltic", None))
        .await
        .unwrap();
    let baltic = baltic.conversation.summary.conversation.id;
    let others = world
        .messaging
        .open_conversation(&stranger(), &open("alpine", None))
        .await
        .unwrap();
    let others = others.conversation.summary.conversation.id;
    for (from, to, text) in [
        (carl(), alpine, "carl's secret"),
        (ada(), alpine, "ada's answer"),
        (carl(), baltic, "carl's other secret"),
        (stranger(), others, "a stranger's words"),
    ] {
        world.send(&from, to, text).await;
    }
    (world, [alpine, baltic, others])
}

#[tokio::test]
async fn erasure_removes_all_data_of_the_user_and_nothing_else() {
    let (world, ids) = scene().await;
    let erased = world
        .messaging
        .operations()
        .erase_user(&user("carl"))
        .await
        .unwrap();
    assert_eq!((erased.conversations, erased.messages), (2, 2));
    let left = stored_text(&world.store, &ids).await;
    assert!(
        !left.contains("\"carl\"") && !left.contains("(carl)") && !left.contains("secret"),
        "{left}"
    );
    assert!(left.contains("ada's answer") && left.contains("a stranger's words"));
    assert_eq!(
        world.messaging.count_unread(&ada()).await.unwrap(),
        2,
        "unread messages stay unread"
    );
    let page = history(&world, &ada(), HistoryFrom::Newest, MarkOnRead::Yes).await;
    assert_eq!(
        shown(&page),
        ["a stranger's words"],
        "the first conversation of the list belongs to another client"
    );
    let discrepancies: Vec<_> = world
        .messaging
        .operations()
        .verify(ConversationRange::all())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(discrepancies, []);
    recount(&world.store).await.unwrap().assert_clean();
}

#[tokio::test]
async fn unpublished_events_contain_no_data_of_an_erased_user() {
    let (world, _) = scene().await;
    world
        .messaging
        .operations()
        .erase_user(&user("carl"))
        .await
        .unwrap();
    world.drain().await;
    let published = texts(&world.realtime.take()).join("\n");
    assert!(
        !published.contains("secret") && published.contains("ada's answer"),
        "{published}"
    );
}

#[tokio::test]
async fn erasing_twice_or_an_unknown_user_finds_nothing() {
    let (world, _) = scene().await;
    world
        .messaging
        .operations()
        .erase_user(&user("carl"))
        .await
        .unwrap();
    for who in ["carl", "nobody"] {
        let erased = world.messaging.operations().erase_user(&user(who)).await.unwrap();
        assert_eq!((erased.conversations, erased.messages), (0, 0));
    }
}

#[tokio::test]
async fn an_erased_user_has_no_access_and_can_open_a_new_conversation() {
    let (world, [alpine, ..]) = scene().await;
    world.drain().await;
    world
        .messaging
        .operations()
        .erase_user(&user("carl"))
        .await
        .unwrap();
    let again = message(alpine, "still here?", None);
    assert_eq!(
        kind(world.messaging.send_message(&carl(), &again).await),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(world.messaging.find_conversation(&carl(), alpine).await),
        ErrorKind::NotFound
    );
    world.drain().await;
    let revoked = world.realtime.revoked();
    assert!(
        revoked.contains(&format!("carl private-conversation-{alpine}")),
        "{revoked:?}"
    );
    let opened = world
        .messaging
        .open_conversation(&carl(), &open("alpine", None))
        .await
        .unwrap();
    assert!(opened.created && opened.conversation.summary.conversation.id != alpine);
}

#[tokio::test]
async fn a_replaced_agent_user_is_erased_too() {
    let (world, ids) = scene().await;
    let moved = world
        .messaging
        .operations()
        .reassign_agent(&agent("alpine"), &user("new"))
        .await
        .unwrap();
    assert_eq!(moved.moved, 2);
    let erased = world
        .messaging
        .operations()
        .erase_user(&user("ada"))
        .await
        .unwrap();
    assert_eq!((erased.conversations, erased.messages), (1, 1));
    let left = stored_text(&world.store, &ids).await;
    assert!(!left.contains("(ada)") && !left.contains("ada's"), "{left}");
    assert!(left.contains("(new)"), "the current agent's user is unchanged");
}

#[tokio::test]
async fn evidence_of_an_open_report_stays() {
    let (world, [alpine, ..]) = scene().await;
    let report = NewReport::new(Remark::parse("rude").unwrap());
    let reported = world.messaging.report(&ada(), alpine, &report).await.unwrap();
    world
        .messaging
        .operations()
        .erase_user(&user("carl"))
        .await
        .unwrap();
    let details = world.find_report(reported.id).await;
    assert_eq!(details.file.evidence[0].body.stored_text(), "carl's secret");
}

#[tokio::test]
async fn a_reporters_texts_are_erased_once_the_report_is_resolved() {
    let (world, [alpine, ..]) = scene().await;
    let report = NewReport::new(Remark::parse("carl's reason").unwrap());
    let reported = world.messaging.report(&carl(), alpine, &report).await.unwrap();
    let erased = world
        .messaging
        .operations()
        .erase_user(&user("carl"))
        .await
        .unwrap();
    assert_eq!((erased.reports, erased.open_reports), (0, 1));
    let open = world.find_report(reported.id).await;
    assert_eq!(open.file.report.complaints.len(), 1);

    world
        .messaging
        .admin(&root())
        .unwrap()
        .resolve_report(reported.id, Outcome::Dismissed, None)
        .await
        .unwrap();
    let erased = world
        .messaging
        .operations()
        .erase_user(&user("carl"))
        .await
        .unwrap();
    assert_eq!((erased.reports, erased.open_reports), (1, 0));
    let file = world.find_report(reported.id).await.file;
    assert_eq!(file.report.reporter_id, erased_user(alpine, Side::Client));
    assert!(file.report.complaints.is_empty());
    let texts: Vec<_> = file
        .evidence
        .iter()
        .map(|message| message.body.stored_text())
        .collect();
    assert_eq!(texts, ["", "ada's answer"]);
}

/// The store fails at each call in turn, with and without effect; a repetition erases the rest.
#[tokio::test]
async fn repeating_an_interrupted_erasure_completes_it() {
    for nth in 1..=12 {
        for effect in [Effect::None, Effect::Taken] {
            let (memory, directory) = (MemoryStore::new(), People);
            let store = FailingStore::new(memory.clone());
            let (messaging, _) = Messaging::builder(store.clone(), directory)
                .rate_limiter(messaging_core::host::rate_limit::Unlimited)
                .ids(SequentialIds::default())
                .build()
                .unwrap();
            let mut ids = Vec::new();
            for agency in ["alpine", "baltic"] {
                let opened = messaging
                    .open_conversation(&carl(), &open(agency, None))
                    .await
                    .unwrap();
                let id = opened.conversation.summary.conversation.id;
                messaging
                    .send_message(&carl(), &message(id, "a secret", None))
                    .await
                    .unwrap();
                ids.push(id);
            }
            store.fail(nth, StoreErrorKind::OutcomeUnknown, effect);
            let first = messaging.operations().erase_user(&user("carl")).await;
            if first.is_err() {
                messaging.operations().erase_user(&user("carl")).await.unwrap();
            }
            let left = stored_text(&memory, &ids).await;
            assert!(
                !left.contains("secret") && !left.contains("(carl)"),
                "{nth} {effect:?}: {left}"
            );
            recount(&memory).await.unwrap().assert_clean();
        }
    }
}

#[tokio::test]
async fn an_export_has_exactly_the_users_data_in_order() {
    let (world, [alpine, baltic, _]) = scene().await;
    let by_host =
        HostOpen::new(&user("carl"), &agent("alpine"), &user("ada")).with_booking(&booking("b-carl"));
    let plan = world.messaging.operations().prepare_open(by_host).unwrap();
    world.messaging.operations().open_prepared(&plan).await.unwrap();
    let report = NewReport::new(Remark::parse("rude").unwrap());
    world.messaging.report(&carl(), alpine, &report).await.unwrap();
    world.messaging.report(&ada(), alpine, &report).await.unwrap();
    for _ in 0..120 {
        world.send(&ada(), alpine, "one of many").await;
    }
    let exported: Vec<_> = world
        .messaging
        .operations()
        .export_user(&user("carl"))
        .try_collect()
        .await
        .unwrap();
    let mut listed = Vec::new();
    for one in &exported {
        match one {
            Exported::Conversation {
                summary,
                side,
                bookings,
            } => {
                assert_eq!(*side, Some(Side::Client));
                listed.push((summary.conversation.id, bookings.len(), 0));
            }
            Exported::Message { row, .. } => {
                let (id, _, messages) = listed.last_mut().unwrap();
                *messages += 1;
                assert_eq!((row.message.conversation_id, row.message.seq), (*id, *messages));
            }
            Exported::Report(report) => assert_eq!(report.reporter_id, user("carl")),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(listed, [(alpine, 1, 122), (baltic, 0, 1)]);
    let reports = exported
        .iter()
        .filter(|one| matches!(one, Exported::Report(_)))
        .count();
    assert_eq!(reports, 1);
    let all = ReportScan::new(10);
    assert_eq!(world.store.list_reports(&all).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_export_of_a_replaced_agent_user_has_only_their_own_messages() {
    let (world, [alpine, ..]) = scene().await;
    world
        .messaging
        .operations()
        .reassign_agent(&agent("alpine"), &user("new"))
        .await
        .unwrap();
    let exported: Vec<_> = world
        .messaging
        .operations()
        .export_user(&user("ada"))
        .try_collect()
        .await
        .unwrap();
    let messages: Vec<_> = exported
        .iter()
        .filter_map(|one| match one {
            Exported::Message { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(messages, ["ada's answer"]);
    let Exported::Conversation { summary, side, .. } = &exported[0] else {
        panic!("{exported:?}")
    };
    assert_eq!((summary.conversation.id, *side), (alpine, None));
    let exported: Vec<_> = world
        .messaging
        .operations()
        .export_user(&user("nobody"))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(exported, []);
    assert_eq!(
        world.store.count_unread(&ListScope::of(&carl())).await.unwrap(),
        1,
        "an export marks no message as read"
    );
}
