use messaging_core::{
    domain::{
        body::Body,
        conversation::{Change, PreparedOpen},
        erasure::erased_user,
        message::{Message, Origin},
        report::{Outcome, Remark, ReportFile, Resolution},
        side::{Recipients, Side},
    },
    id::{ConversationId, ReportId, UserId},
    store::{
        Appended, Changed, DigestClaim, Direction, EntryKind, ErasedReports, FileReport, ListStart,
        Publisher, ReportScan, Store, Subject, Traces,
    },
};

use super::scene::{Scene, ids, list, stored};
use crate::limit::Rounds;
use crate::make::{
    admin_id, agent_scope, agent_user_id, at, client_id, client_scope, conversation_id, key, plan, secs,
    user_id, uuid, worker_id,
};
use crate::recount;

async fn messages(scene: &Scene<'_>) -> Vec<Message> {
    let page = scene.history(Direction::After(0), 100).await;
    page.rows.into_iter().map(|row| row.message).collect()
}

/// What is written in such a message once its sender is erased.
fn emptied(message: &Message, side: Side) -> Message {
    Message {
        origin: Origin::User {
            side,
            user_id: erased_user(message.conversation_id, side),
        },
        body: Body::from_stored(String::new()),
        key: None,
        ..message.clone()
    }
}

pub(crate) async fn somebody_unknown_stands_in_the_place_of_whom_is_erased(store: &dyn Store) {
    for (n, side) in [(1, Side::Client), (2, Side::Agent)] {
        let scene = Scene::open(store, plan(n, n)).await;
        scene.send(Side::Client).await;
        scene.send(Side::Agent).await;
        let mut expected = scene.conversation().await;
        assert!(expected.apply(&Change::Erase(side)));
        assert_eq!(expected.user(side), &erased_user(scene.id, side));
        assert!(matches!(
            scene.change(Change::Erase(side)).await,
            Changed::Done { .. }
        ));
        assert_eq!(scene.conversation().await, expected);
        assert_eq!(scene.change(Change::Erase(side)).await, Changed::AlreadySo);
        assert_eq!(
            scene.entries().await.last().unwrap().entry.kind,
            EntryKind::Updated
        );
        let scopes = [client_scope(n), agent_scope(n)];
        for (scope, owner) in scopes.iter().zip(Side::ALL) {
            let page = list(store, scope, ListStart::Newest, 10).await;
            assert_eq!(ids(&page).len(), usize::from(owner != side), "{side:?} {owner:?}");
        }
    }
}

pub(crate) async fn who_is_erased_sends_nothing_that_was_decided_before(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let decided = scene.to_send(Side::Client).await;
    scene.change(Change::Erase(Side::Client)).await;
    assert_eq!(scene.append(decided).await, Appended::Conflict);
}

pub(crate) async fn whom_is_erased_is_not_due(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    scene.send(Side::Agent).await;
    scene.change(Change::Erase(Side::Agent)).await;
    let digests = scene.conversation().await.digests;
    assert!(digests.agent.due_at.is_none() && digests.client.due_at.is_some());
}

pub(crate) async fn the_pair_is_free_for_another_conversation(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.change(Change::Erase(Side::Client)).await;
    let again = PreparedOpen {
        id: conversation_id(77),
        ..plan(1, 1)
    };
    let opened = store.open(&again, Publisher::Anyone).await.unwrap();
    assert!(opened.created && opened.id == conversation_id(77));
}

pub(crate) async fn messages_of_whom_is_erased_are_empty_and_nothing_else_is_changed(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let mut keyed = scene.to_send(Side::Client).await;
    keyed.message.key = Some(key("k"));
    stored(scene.append(keyed).await);
    scene.send(Side::Agent).await;
    scene.send_from_system(Recipients::Both).await;
    let last = scene.send(Side::Client).await;
    scene.read(Side::Agent, &last, at(50)).await;
    let before = messages(&scene).await;
    let (counters, events) = (scene.conversation().await.counters, scene.entries().await.len());
    assert_eq!(store.erase_messages(scene.id, &client_id(1)).await.unwrap(), 2);
    let expected = [
        emptied(&before[0], Side::Client),
        before[1].clone(),
        before[2].clone(),
        emptied(&before[3], Side::Client),
    ];
    assert_eq!(messages(&scene).await, expected);
    assert_eq!(scene.conversation().await.counters, counters);
    assert_eq!(scene.entries().await.len(), events, "it is no event");
    assert_eq!(scene.read_time(Side::Agent, 1).await, Some(at(50)));
    let by_key = store
        .find_sent(scene.id, Some(&client_id(1)), &key("k"))
        .await
        .unwrap();
    assert_eq!(by_key, None);
    assert_eq!(store.erase_messages(scene.id, &client_id(1)).await.unwrap(), 0);
    assert_eq!(
        store
            .erase_messages(conversation_id(404), &client_id(1))
            .await
            .unwrap(),
        0
    );
}

pub(crate) async fn what_waits_to_be_published_is_empty_too(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Client).await;
    store.erase_messages(scene.id, &client_id(1)).await.unwrap();
    let entries = scene.entries_from(2).await;
    let Subject::Message(row) = &entries[0].subject else {
        panic!("{entries:?}")
    };
    assert_eq!(row.message, emptied(&sent, Side::Client));
}

pub(crate) async fn numbers_add_up_after_somebody_was_erased(store: &dyn Store) {
    let scene = Scene::set(store).await;
    for side in [Side::Client, Side::Agent, Side::Client] {
        scene.send(side).await;
    }
    for side in Side::ALL {
        let user = scene.conversation().await.user(side).clone();
        scene.change(Change::Erase(side)).await;
        store.erase_messages(scene.id, &user).await.unwrap();
    }
    recount(store).await.unwrap().assert_clean();
}

pub(crate) async fn evidence_stays_as_it_was(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Agent).await;
    let id = ReportId::new(uuid(7, 1));
    let report = FileReport {
        id,
        conversation_id: scene.id,
        reporter_id: client_id(1),
        reporter_side: Side::Client,
        reported_id: agent_user_id(1),
        reason: Remark::parse("rude").unwrap(),
        about: None,
        now: at(9),
    };
    store.file_report(&report).await.unwrap();
    scene.change(Change::Erase(Side::Agent)).await;
    store.erase_messages(scene.id, &agent_user_id(1)).await.unwrap();
    let file = store.find_report(id).await.unwrap().unwrap();
    assert_eq!(
        (file.report.reported_id, file.evidence),
        (agent_user_id(1), vec![sent])
    );
}

/// Each side's report of the other in a conversation of its own: number `n` by the client, `n + 1` by the agent.
async fn reported(store: &dyn Store, n: u64) -> Scene<'_> {
    let scene = Scene::open(store, plan(1, n)).await;
    scene.send(Side::Client).await;
    scene.send(Side::Agent).await;
    for (nth, side) in (n..).zip(Side::ALL) {
        let conversation = scene.conversation().await;
        let report = FileReport {
            id: ReportId::new(uuid(7, nth)),
            conversation_id: scene.id,
            reporter_id: conversation.user(side).clone(),
            reporter_side: side,
            reported_id: conversation.user(side.other()).clone(),
            reason: Remark::parse("rude").unwrap(),
            about: None,
            now: at(9),
        };
        store.file_report(&report).await.unwrap();
        let again = FileReport {
            reason: Remark::parse("and pushy").unwrap(),
            ..report
        };
        store.file_report(&again).await.unwrap();
    }
    scene
}

fn resolution() -> Resolution {
    Resolution {
        outcome: Outcome::Resolved,
        by: admin_id(1),
        at: at(20),
        note: Some(Remark::parse("has been warned").unwrap()),
    }
}

async fn report(store: &dyn Store, n: u64) -> ReportFile {
    let found = store.find_report(ReportId::new(uuid(7, n))).await.unwrap();
    found.unwrap()
}

pub(crate) async fn a_resolved_report_keeps_only_the_names_of_staff(store: &dyn Store) {
    let scene = reported(store, 1).await;
    for n in [1, 2] {
        let id = ReportId::new(uuid(7, n));
        store.resolve_report(id, &resolution()).await.unwrap().unwrap();
    }
    let before = [report(store, 1).await, report(store, 2).await];
    let erased = store.erase_from_reports(&client_id(1)).await.unwrap();
    assert_eq!(erased, ErasedReports { erased: 2, open: 0 });
    let nobody = erased_user(scene.id, Side::Client);
    for (n, mut expected) in (1..).zip(before) {
        if n == 1 {
            expected.report.reporter_id = nobody.clone();
            expected.report.complaints.clear();
        } else {
            expected.report.reported_id = nobody.clone();
        }
        expected.evidence[0] = emptied(&expected.evidence[0], Side::Client);
        assert_eq!(report(store, n).await, expected);
        assert_eq!(expected.report.resolution, Some(resolution()));
    }
    let again = store.erase_from_reports(&client_id(1)).await.unwrap();
    assert_eq!(again, ErasedReports::default());
    let scan = ReportScan {
        status: None,
        before: None,
        hidden_from: None,
        limit: 10,
    };
    assert_eq!(store.list_reports(&scan).await.unwrap().len(), 2);
}

pub(crate) async fn an_open_report_stays_until_it_is_resolved_and_others_stay(store: &dyn Store) {
    reported(store, 1).await;
    let others = Scene::open(store, plan(2, 8)).await;
    let of_others = FileReport {
        id: ReportId::new(uuid(7, 8)),
        conversation_id: others.id,
        reporter_id: client_id(2),
        reporter_side: Side::Client,
        reported_id: agent_user_id(8),
        reason: Remark::parse("rude").unwrap(),
        about: None,
        now: at(9),
    };
    store.file_report(&of_others).await.unwrap();
    for n in [2, 8] {
        let id = ReportId::new(uuid(7, n));
        store.resolve_report(id, &resolution()).await.unwrap().unwrap();
    }
    let (open, of_others) = (report(store, 1).await, report(store, 8).await);
    let erased = store.erase_from_reports(&client_id(1)).await.unwrap();
    assert_eq!(erased, ErasedReports { erased: 1, open: 1 });
    assert_eq!(
        (report(store, 1).await, report(store, 8).await),
        (open, of_others)
    );
    let id = ReportId::new(uuid(7, 1));
    store.resolve_report(id, &resolution()).await.unwrap().unwrap();
    let erased = store.erase_from_reports(&client_id(1)).await.unwrap();
    assert_eq!(erased, ErasedReports { erased: 1, open: 0 });
    assert!(report(store, 1).await.report.complaints.is_empty());
}

pub(crate) async fn copies_of_a_former_users_messages_are_emptied_too(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Agent).await;
    scene.change(Change::Reassign(user_id("new"))).await;
    let report_of_the_new = FileReport {
        id: ReportId::new(uuid(7, 1)),
        conversation_id: scene.id,
        reporter_id: client_id(1),
        reporter_side: Side::Client,
        reported_id: user_id("new"),
        reason: Remark::parse("rude").unwrap(),
        about: None,
        now: at(9),
    };
    store.file_report(&report_of_the_new).await.unwrap();
    let id = ReportId::new(uuid(7, 1));
    let open = store.erase_from_reports(&agent_user_id(1)).await.unwrap();
    assert_eq!(open, ErasedReports { erased: 0, open: 1 });
    store.resolve_report(id, &resolution()).await.unwrap().unwrap();
    let erased = store.erase_from_reports(&agent_user_id(1)).await.unwrap();
    assert_eq!(erased, ErasedReports { erased: 1, open: 0 });
    let file = report(store, 1).await;
    assert_eq!(file.evidence, [emptied(&sent, Side::Agent)]);
    assert_eq!(file.report.reported_id, user_id("new"));
    assert_eq!(file.report.complaints.len(), 1);
}

async fn traces(
    store: &dyn Store,
    of: &UserId,
    after: Option<ConversationId>,
    conversations: usize,
) -> Traces {
    store.list_traces(of, after, conversations).await.unwrap()
}

pub(crate) async fn traces_are_where_somebody_stands_or_has_written(store: &dyn Store) {
    let as_client = PreparedOpen {
        client_id: user_id("somebody"),
        ..plan(1, 1)
    };
    let as_agent = PreparedOpen {
        agent_user_id: user_id("somebody"),
        ..plan(2, 2)
    };
    let before = PreparedOpen {
        agent_user_id: user_id("somebody"),
        ..plan(3, 3)
    };
    let (client, agent) = (
        Scene::open(store, as_client).await,
        Scene::open(store, as_agent).await,
    );
    let before = Scene::open(store, before).await;
    before.send(Side::Agent).await;
    before.change(Change::Reassign(user_id("another"))).await;
    let silent = PreparedOpen {
        agent_user_id: user_id("somebody"),
        ..plan(4, 4)
    };
    let silent = Scene::open(store, silent).await;
    silent.change(Change::Reassign(user_id("another"))).await;
    let found = traces(store, &user_id("somebody"), None, 10).await;
    assert_eq!(found.conversations, [client.id, agent.id, before.id]);
    assert_eq!(found.looked_up_to, Some(silent.id));
    assert_eq!(
        traces(store, &user_id("Somebody"), None, 10).await.conversations,
        []
    );
}

pub(crate) async fn traces_are_looked_for_piece_by_piece(store: &dyn Store) {
    for n in 1..=5 {
        Scene::open(store, plan(n % 2, n)).await;
    }
    let (mut found, mut after, mut pieces) = (Vec::new(), None, 0);
    let mut rounds = Rounds::at_most(10, "the search for traces has not come to its end");
    loop {
        rounds.begin();
        let piece = traces(store, &client_id(1), after, 2).await;
        found.extend(piece.conversations);
        match piece.looked_up_to {
            Some(last) => after = Some(last),
            None => break,
        }
        pieces += 1;
    }
    assert_eq!((found.len(), pieces), (3, 3));
    assert_eq!(traces(store, &client_id(1), None, 0).await, Traces::default());
}

pub(crate) async fn when_somebody_was_mailed_is_forgotten(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    let claim = |n, now| DigestClaim {
        by: worker_id(n),
        now: at(now),
        lease_until: at(now) + secs(60),
        limit: 10,
    };
    let due = store.claim_digests(&claim(1, 10_000)).await.unwrap();
    assert_eq!(due.len(), 1);
    assert!(
        store.claim_digests(&claim(2, 10_001)).await.unwrap().is_empty(),
        "under a lease"
    );
    store.forget_user(&agent_user_id(1)).await.unwrap();
    let again = store.claim_digests(&claim(2, 10_001)).await.unwrap();
    assert_eq!(again.len(), 1, "the lease is forgotten, too");
    store.forget_user(&user_id("nobody")).await.unwrap();
}
