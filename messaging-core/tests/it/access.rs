//! Access of admins and strangers, and after a change of the agent's user.

use messaging_core::{
    Actor, ErrorKind, HistoryRequest, ListRequest, Messaging, Role, Side,
    clock::SequentialIds,
    event::{ChannelName, SocketId, Typing},
    participant::{HistoryFrom, MarkOnRead},
    store::AuditStore,
};
use messaging_testkit::fake::FailingStore;

use crate::support::*;

#[tokio::test]
async fn the_host_closes_and_reopens_without_an_admin_and_without_a_record() {
    let world = World::new();
    let id = world.open().await;
    world.drain().await;
    world.realtime.take();
    let operations = world.messaging.operations();
    for _ in 0..2 {
        operations.close(id).await.unwrap();
        let send = message(id, "hello", None);
        assert_eq!(
            kind(world.messaging.send_message(&carl(), &send).await),
            ErrorKind::Closed
        );
    }
    world.drain().await;
    let closed = world.realtime.take();
    assert_eq!(
        closed.len(),
        2,
        "one event per side, sent once: {}",
        texts(&closed).join("\n")
    );
    operations.reopen(id).await.unwrap();
    world.send(&carl(), id, "hello").await;
    for unknown in [
        operations.close(unknown_conversation()).await,
        operations.reopen(unknown_conversation()).await,
    ] {
        assert_eq!(kind(unknown), ErrorKind::NotFound);
    }
    assert_eq!(world.store.list_accesses(None, 100).await.unwrap(), []);
}

#[tokio::test]
async fn only_an_admin_gets_the_use_cases_of_an_admin() {
    let world = World::new();
    assert!(world.messaging.admin(&root()).is_ok());
    for actor in [carl(), ada(), stranger()] {
        assert_eq!(kind(world.messaging.admin(&actor)), FORBIDDEN);
    }
}

#[tokio::test]
async fn an_admin_reads_everything_marks_nothing_and_is_audited() {
    let world = World::new();
    let id = world.open().await;
    world.send(&carl(), id, "hello").await;
    world.drain().await;
    world.realtime.take();
    let page = history(&world, &root(), HistoryFrom::Newest, MarkOnRead::Yes).await;
    assert_eq!(
        (shown(&page), page.conversation.side, page.conversation.can_send()),
        (vec!["hello"], None, false)
    );
    world.messaging.find_conversation(&root(), id).await.unwrap();
    let list = ListRequest::newest();
    world.messaging.list_conversations(&root(), &list).await.unwrap();
    world.messaging.admin(&root()).unwrap().close(id).await.unwrap();
    world.messaging.admin(&root()).unwrap().reopen(id).await.unwrap();
    assert_eq!(
        kind(
            world
                .messaging
                .admin(&root())
                .unwrap()
                .close(unknown_conversation())
                .await
        ),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(async { world.messaging.admin(&carl())?.close(id).await }.await),
        FORBIDDEN
    );
    assert_eq!(world.messaging.count_unread(&ada()).await.unwrap(), 1);
    let log = world.store.list_accesses(None, 100).await.unwrap();
    let log: Vec<_> = log
        .iter()
        .map(|r| (r.actor_id.as_str(), r.action.name(), r.conversation_id))
        .collect();
    assert_eq!(
        log,
        [
            ("root", "reopen", Some(id)),
            ("root", "close", Some(id)),
            ("root", "list", None),
            ("root", "see", Some(id)),
            ("root", "read_history", Some(id)),
        ]
    );
}

#[tokio::test]
async fn an_admin_who_takes_part_acts_as_a_participant_there() {
    let world = World::new();
    let id = world.open().await;
    let admin_ada = Actor::new(user("ada"), Role::Admin);
    world.send(&carl(), id, "hello").await;
    let page = history(&world, &admin_ada, HistoryFrom::Newest, MarkOnRead::NewestPage).await;
    assert_eq!(
        (page.conversation.side, page.conversation.unread_count()),
        (Some(Side::Agent), 0)
    );
    world.send(&admin_ada, id, "hi").await;
    assert_eq!(
        kind(async { world.messaging.admin(&admin_ada)?.close(id).await }.await),
        FORBIDDEN
    );
    assert_eq!(world.store.list_accesses(None, 100).await.unwrap(), []);
}

#[tokio::test]
async fn reassigning_moves_conversations_keeps_read_positions_and_ends_subscriptions() {
    let world = World::new();
    let carls = world.open().await;
    let other = Actor::new(user("new"), Role::Client);
    world
        .messaging
        .open_conversation(&other, &open("alpine", None))
        .await
        .unwrap();
    world.send(&carl(), carls, "hello").await;
    world
        .messaging
        .send_message(&ada(), &message(carls, "mine", Some("k")))
        .await
        .unwrap();

    let result = world
        .messaging
        .operations()
        .reassign_agent(&agent("alpine"), &user("new"))
        .await
        .unwrap();
    assert_eq!((result.moved, result.refused.len()), (1, 1));
    let new = Actor::new(
        user("new"),
        Role::Agent {
            agent_id: agent("alpine"),
        },
    );
    assert_eq!(world.messaging.count_unread(&new).await.unwrap(), 1);
    assert_eq!(world.messaging.count_unread(&ada()).await.unwrap(), 0);
    assert_eq!(
        kind(world.messaging.find_conversation(&ada(), carls).await),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(
            world
                .messaging
                .send_message(&ada(), &message(carls, "mine", Some("k")))
                .await
        ),
        ErrorKind::NotFound,
        "a retry of an earlier send is refused, too"
    );
    world.send(&new, carls, "I am here now").await;
    world.drain().await;
    let channels = ["private", "presence"].map(|form| format!("ada {form}-conversation-{carls}"));
    assert_eq!(world.realtime.revoked(), channels);

    let again = world
        .messaging
        .operations()
        .reassign_agent(&agent("alpine"), &user("new"))
        .await
        .unwrap();
    assert_eq!((again.moved, again.refused), (0, result.refused));
}

#[tokio::test]
async fn to_an_outsider_every_conversation_is_not_found() {
    let world = World::new();
    let id = world.open().await;
    let message_id = world.send(&carl(), id, "secret").await.message.row.message.id;
    let messaging = &world.messaging;
    let mallory = stranger();
    for id in [id, unknown_conversation()] {
        let page = HistoryRequest::newest(id).with_mark(MarkOnRead::Yes);
        assert_eq!(
            kind(messaging.find_conversation(&mallory, id).await),
            ErrorKind::NotFound
        );
        assert_eq!(
            kind(messaging.history(&mallory, &page).await),
            ErrorKind::NotFound
        );
        assert_eq!(
            kind(
                messaging
                    .send_message(&mallory, &message(id, "x", Some("k")))
                    .await
            ),
            ErrorKind::NotFound
        );
        assert_eq!(
            kind(messaging.mark_read(&mallory, id, message_id).await),
            ErrorKind::NotFound
        );
        assert_eq!(kind(messaging.block(&mallory, id).await), ErrorKind::NotFound);
        assert_eq!(kind(messaging.unblock(&mallory, id).await), ErrorKind::NotFound);
        assert_eq!(
            kind(async { messaging.admin(&mallory)?.close(id).await }.await),
            FORBIDDEN
        );
    }
}

#[test]
fn a_handle_can_be_shared_between_threads() {
    fn check<T: Send + Sync + Clone + 'static>(_: &T) {}
    check(&World::new().messaging);
}

#[tokio::test]
async fn an_outsiders_request_has_the_same_cost_for_existing_and_missing_conversations() {
    let opener = World::new();
    let id = opener.open().await;
    let message_id = opener.send(&carl(), id, "secret").await.message.id();
    let store = FailingStore::new(opener.store.clone());
    let (messaging, _) = Messaging::builder(store.clone(), People)
        .realtime(Recorder::new())
        .clock(opener.clock.clone())
        .ids(SequentialIds::default())
        .build()
        .unwrap();
    let mallory = stranger();
    let socket = SocketId::parse("1.2").unwrap();
    let mut calls = Vec::new();
    for id in [id, unknown_conversation()] {
        let page = HistoryRequest::newest(id).with_mark(MarkOnRead::Yes);
        let mut counts = Vec::new();
        let mut count = || counts.push(store.calls());
        messaging.find_conversation(&mallory, id).await.unwrap_err();
        count();
        messaging.history(&mallory, &page).await.unwrap_err();
        count();
        messaging
            .send_message(&mallory, &message(id, "x", Some("k")))
            .await
            .unwrap_err();
        count();
        messaging.mark_read(&mallory, id, message_id).await.unwrap_err();
        count();
        messaging
            .set_typing(&mallory, id, Typing::Started, None)
            .await
            .unwrap_err();
        count();
        messaging.block(&mallory, id).await.unwrap_err();
        count();
        async { messaging.admin(&mallory)?.close(id).await }
            .await
            .unwrap_err();
        count();
        for form in ["private", "presence"] {
            let channel = ChannelName::parse(format!("{form}-conversation-{id}")).unwrap();
            messaging
                .authorize(&mallory, &socket, &channel)
                .await
                .unwrap_err();
            count();
        }
        let first = counts[0];
        calls.push(counts.into_iter().map(|calls| calls - first).collect::<Vec<_>>());
    }
    assert_eq!(calls[0], calls[1]);
}
