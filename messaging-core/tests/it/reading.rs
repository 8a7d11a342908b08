//! Histories and read positions.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use messaging_core::{
    Actor, Body, ErrorKind, HistoryRequest, MessageId, Side,
    clock::{Clock, ManualClock},
    domain::{
        cursor::HistoryCursor,
        message::{NewMessage, Origin},
        page::PageSize,
    },
    host::{
        HostError,
        access::{AccessPolicy, ParticipantAction, Participants, Ruling},
    },
    memory::MemoryStore,
    participant::{HistoryFrom, MarkOnRead},
    store::{Append, ConversationStore, Direction, HistoryScan, MarkRead, Publisher},
};

use crate::support::*;

#[tokio::test]
async fn paging_backwards_visits_every_message_once_and_ends_at_the_first() {
    let world = World::new();
    let id = world.open().await;
    // All messages have the same time: the seq determines the order.
    for text in ["1", "2", "3", "4"] {
        world.send(&carl(), id, text).await;
    }
    let newest = history(&world, &ada(), HistoryFrom::Newest, MarkOnRead::No).await;
    assert_eq!((shown(&newest), newest.has_more), (vec!["3", "4"], true));
    world.send(&carl(), id, "5").await;
    let older = HistoryFrom::Before(newest.next_cursor.unwrap());
    let oldest = history(&world, &ada(), older, MarkOnRead::No).await;
    // The last page is exactly full.
    assert_eq!(
        (shown(&oldest), oldest.has_more, oldest.next_cursor),
        (vec!["1", "2"], false, None)
    );
    let newer = HistoryFrom::After(newest.newest_cursor);
    let newer = history(&world, &ada(), newer, MarkOnRead::No).await;
    assert_eq!(
        (shown(&newer), newer.has_more, newer.next_cursor),
        (vec!["5"], false, None)
    );
    let nothing = history(
        &world,
        &ada(),
        HistoryFrom::After(newer.newest_cursor),
        MarkOnRead::No,
    )
    .await;
    assert_eq!(
        (shown(&nothing), nothing.newest_cursor),
        (vec![], newer.newest_cursor)
    );
}

#[tokio::test]
async fn an_empty_history_begins_at_its_beginning() {
    let world = World::new();
    let id = world.open().await;
    let empty = history(&world, &ada(), HistoryFrom::Newest, MarkOnRead::NewestPage).await;
    assert_eq!(
        (empty.newest_cursor, empty.next_cursor),
        (HistoryCursor::new(id, 0), None)
    );
    world.send(&carl(), id, "1").await;
    let newer = history(
        &world,
        &ada(),
        HistoryFrom::After(empty.newest_cursor),
        MarkOnRead::No,
    )
    .await;
    assert_eq!(shown(&newer), ["1"]);
}

#[tokio::test]
async fn an_older_page_does_not_mark_newer_messages() {
    let world = World::new();
    let id = world.open().await;
    for text in ["1", "2", "3", "4"] {
        world.send(&carl(), id, text).await;
    }
    let before_3 = HistoryFrom::Before(HistoryCursor::new(id, 3));
    let page = history(&world, &ada(), before_3, MarkOnRead::NewestPage).await;
    assert_eq!(
        (shown(&page), page.conversation.unread_count()),
        (vec!["1", "2"], 4)
    );
    let page = history(&world, &ada(), before_3, MarkOnRead::Yes).await;
    assert_eq!(
        (
            page.conversation.unread_count(),
            page.conversation.unread_version()
        ),
        (2, 6)
    );
    assert!(page.messages.iter().all(|message| message.read_at.is_some()));
}

#[tokio::test]
async fn reading_the_newest_page_marks_it_and_returns_the_state_after() {
    let world = World::new();
    let id = world.open().await;
    for text in ["1", "2", "3"] {
        world.send(&carl(), id, text).await;
    }
    let page = history(&world, &ada(), HistoryFrom::Newest, MarkOnRead::NewestPage).await;
    assert_eq!(
        (page.conversation.unread_count(), shown(&page)),
        (0, vec!["2", "3"])
    );
    assert!(page.messages.iter().all(|message| message.read_at.is_some()));
    // The client sees own messages as read; loading them again changes nothing.
    let own = history(&world, &carl(), HistoryFrom::Newest, MarkOnRead::NewestPage).await;
    assert_eq!(
        own.messages.iter().map(|m| m.read_at).collect::<Vec<_>>(),
        vec![page.messages[0].read_at; 2]
    );
    let reads = own.conversation.summary.conversation.counters;
    assert_eq!(
        (
            reads.agent.last_read.map(|mark| mark.up_to_seq),
            reads.client.last_read
        ),
        (Some(3), None)
    );
}

#[tokio::test]
async fn a_cursor_of_another_conversation_is_refused() {
    let world = World::new();
    let id = world.open().await;
    let cursor = HistoryCursor::new(unknown_conversation(), 1);
    for from in [HistoryFrom::Before(cursor), HistoryFrom::After(cursor)] {
        let request = HistoryRequest::new(id, from).with_mark(MarkOnRead::No);
        assert_eq!(
            kind(world.messaging.history(&carl(), &request).await),
            ErrorKind::InvalidCursor
        );
    }
}

#[tokio::test]
async fn marking_an_older_message_changes_nothing() {
    let world = World::new();
    let id = world.open().await;
    let first = world.send(&carl(), id, "1").await.message.row.message.id;
    let second = world.send(&carl(), id, "2").await.message.row.message.id;
    let own = world.send(&ada(), id, "3").await.message.row.message.id;
    let read = world.messaging.mark_read(&ada(), id, second).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    let again = world.messaging.mark_read(&ada(), id, first).await.unwrap();
    assert_eq!((read, read.counter.unread()), (again, 0));
    assert_eq!(world.messaging.mark_read(&ada(), id, own).await.unwrap(), read);
    // No earlier message was addressed to carl.
    assert_eq!(
        world
            .messaging
            .mark_read(&carl(), id, second)
            .await
            .unwrap()
            .read_at,
        None
    );
    let unknown = MessageId::new(id.as_uuid());
    assert_eq!(
        kind(world.messaging.mark_read(&ada(), id, unknown).await),
        ErrorKind::NotFound
    );
}

/// A policy that refuses to mark messages as read.
struct NoReceipts;

#[async_trait]
impl AccessPolicy for NoReceipts {
    async fn check(
        &self,
        _: &Actor,
        action: ParticipantAction,
        _: &Participants,
    ) -> Result<Ruling, HostError> {
        Ok(match action {
            ParticipantAction::MarkRead => Ruling::refuse("We keep no receipts."),
            _ => Ruling::Allow,
        })
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_marked_is_returned_unless_marking_was_requested() {
    let world = World::with(|builder| builder.policy(NoReceipts));
    let id = world.open().await;
    world.send(&carl(), id, "1").await;
    let page = history(&world, &ada(), HistoryFrom::Newest, MarkOnRead::NewestPage).await;
    assert_eq!((shown(&page), page.conversation.unread_count()), (vec!["1"], 1));
    let request = HistoryRequest::newest(id).with_mark(MarkOnRead::Yes);
    let message = Some("We keep no receipts.".to_owned());
    assert_eq!(
        kind(world.messaging.history(&ada(), &request).await),
        ErrorKind::Forbidden { message }
    );
}

/// Another tab of the same reader marks the newest message while this tab loads its page.
struct OtherTab {
    store: MemoryStore,
    clock: ManualClock,
    has_acted: AtomicBool,
}

#[async_trait]
impl AccessPolicy for OtherTab {
    async fn check(
        &self,
        _: &Actor,
        action: ParticipantAction,
        on: &Participants,
    ) -> Result<Ruling, HostError> {
        if action == ParticipantAction::MarkRead && !self.has_acted.swap(true, Ordering::Relaxed) {
            let conversation_id = on.conversation_id.unwrap();
            let scan = HistoryScan::new(conversation_id, Direction::Newest, PageSize::HISTORY);
            let page = self.store.list_messages(&scan).await.unwrap().unwrap();
            let step = MarkRead::new(
                conversation_id,
                on.access_version,
                Side::Agent,
                page.rows.last().unwrap().message.id,
                self.clock.now(),
                Publisher::Anyone,
            );
            self.store.mark_read(&step).await.unwrap();
            self.clock.advance(Duration::from_mins(1));
        }
        Ok(Ruling::Allow)
    }
}

#[tokio::test]
async fn a_page_marked_concurrently_shows_the_later_state() {
    let (store, clock) = (MemoryStore::new(), ManualClock::new());
    let tab = OtherTab {
        store: store.clone(),
        clock: clock.clone(),
        has_acted: AtomicBool::new(false),
    };
    let world = World::on(store, clock, People, |builder| builder.policy(tab));
    let id = world.open().await;
    for text in ["1", "2"] {
        world.send(&carl(), id, text).await;
    }
    let page = history(&world, &ada(), HistoryFrom::Newest, MarkOnRead::NewestPage).await;
    let again = history(&world, &ada(), HistoryFrom::Newest, MarkOnRead::No).await;
    assert_eq!(page.conversation.unread_count(), 0);
    assert!(page.messages.iter().all(|message| message.read_at.is_some()));
    assert_eq!(page, again, "read times do not change");
}

#[tokio::test]
async fn marking_a_page_excludes_messages_that_arrive_meanwhile() {
    struct Sends(MemoryStore);
    #[async_trait]
    impl AccessPolicy for Sends {
        async fn check(
            &self,
            _: &Actor,
            action: ParticipantAction,
            on: &Participants,
        ) -> Result<Ruling, HostError> {
            let (ParticipantAction::MarkRead, Some(conversation_id)) = (action, on.conversation_id) else {
                return Ok(Ruling::Allow);
            };
            let message = NewMessage::new(
                MessageId::new(conversation_id.as_uuid()),
                Origin::user(Side::Client, user("carl")),
                Body::parse("meanwhile").unwrap(),
                ManualClock::new().now(),
            );
            let step = Append::new(conversation_id, on.access_version, message, Publisher::Anyone);
            self.0.append(&step).await.unwrap();
            Ok(Ruling::Allow)
        }
    }
    let store = MemoryStore::new();
    let sends = Sends(store.clone());
    let world = World::on(store, ManualClock::new(), People, |builder| builder.policy(sends));
    let id = world.open().await;
    world.send(&carl(), id, "1").await;
    let page = history(&world, &ada(), HistoryFrom::Newest, MarkOnRead::NewestPage).await;
    assert_eq!((shown(&page), page.conversation.unread_count()), (vec!["1"], 1));
    let after = history(
        &world,
        &ada(),
        HistoryFrom::After(page.newest_cursor),
        MarkOnRead::No,
    )
    .await;
    assert_eq!(
        (shown(&after), after.messages[0].read_at),
        (vec!["meanwhile"], None)
    );
}
