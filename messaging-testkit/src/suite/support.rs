//! Shared fixtures of the cases: a conversation in a store, and steps on it.

use std::time::Duration;

use futures_util::future::join_all;
use messaging_core::{
    domain::{
        change::Change,
        conversation::{Conversation, ConversationSummary},
        cursor::ListCursor,
        message::{Message, NewMessage, Origin},
        opening::PreparedOpen,
        receipt::Receipt,
        scope::ListScope,
        side::{Recipients, Side},
        unread::UnreadCounter,
    },
    id::{ConversationId, MessageId},
    store::{
        Append, Appended, ChangeState, Changed, Claim, CommittedEntry, Direction, HistoryPage, HistoryScan,
        Lane, ListPage, ListScan, ListStart, LoadedEntry, MarkRead, Marked, Progress, Publisher, Requeued,
        Store, StoreError, Stored,
    },
    time::Timestamp,
};
use uuid::Uuid;

use crate::make::{at, body, booking, extras, limit, plan, worker_id};
use crate::retry::retry;

/// How long after a message of a [`Scene`] an e-mail about it is due.
pub(super) const DIGEST_DELAY: Duration = Duration::from_mins(30);

/// One conversation of a case, and its store.
pub(super) struct Scene<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) id: ConversationId,
}

impl<'a> Scene<'a> {
    /// The conversation of `client-1` with `agency-1`, just opened.
    pub(super) async fn set(store: &'a dyn Store) -> Self {
        Self::open(store, plan(1, 1)).await
    }

    pub(super) async fn open(store: &'a dyn Store, plan: PreparedOpen) -> Self {
        let id = store.open(&plan, Publisher::Anyone).await.unwrap().id;
        Self { store, id }
    }

    pub(super) async fn conversation(&self) -> Conversation {
        self.store
            .find_conversation(self.id.into())
            .await
            .unwrap()
            .unwrap()
    }

    pub(super) async fn summary(&self) -> ConversationSummary {
        self.store.find_summary(self.id).await.unwrap().unwrap()
    }

    pub(super) async fn counter(&self, side: Side) -> UnreadCounter {
        *self.conversation().await.counters.of(side)
    }

    pub(super) async fn unread(&self, side: Side) -> u64 {
        self.counter(side).await.unread()
    }

    /// Returns the step that sends the conversation's next message from a side, decided on the current state.
    pub(super) async fn to_send(&self, side: Side) -> Append {
        let conversation = self.conversation().await;
        let user_id = conversation.user(side).clone();
        self.to_append(&conversation, Origin::user(side, user_id))
    }

    fn to_append(&self, conversation: &Conversation, origin: Origin) -> Append {
        let n = conversation.last_seq + 1;
        let now = at(i64::try_from(n).unwrap());
        let message = NewMessage::new(self.message_id(n), origin, body(format!("message {n}")), now)
            // Every other message has extras, so that reading them back shows that they are stored.
            .with_extras(n.is_multiple_of(2).then(|| extras(format!("of message {n}"))))
            .with_digest_at(Some(now + DIGEST_DELAY));
        Append::new(self.id, conversation.access_version, message, Publisher::Anyone)
    }

    /// Returns the id of message number `n` of this conversation, unique across conversations.
    pub(super) fn message_id(&self, n: u64) -> MessageId {
        MessageId::new(Uuid::from_u128(
            self.id.as_uuid().as_u128() + (u128::from(n) << 20),
        ))
    }

    /// Sends the next message from a side: number n at second n.
    pub(super) async fn send(&self, side: Side) -> Message {
        stored(self.append(self.to_send(side).await).await).message
    }

    pub(super) async fn send_many(&self, side: Side, count: usize) -> Vec<Message> {
        let mut sent = Vec::new();
        for _ in 0..count {
            sent.push(self.send(side).await);
        }
        sent
    }

    pub(super) async fn send_from_system(&self, to: Recipients) -> Message {
        let conversation = self.conversation().await;
        stored(
            self.append(self.to_append(&conversation, Origin::system(to)))
                .await,
        )
        .message
    }

    pub(super) async fn append(&self, step: Append) -> Appended {
        self.store.append(&step).await.unwrap()
    }

    /// Returns the step that reads up to a message, decided on the current state.
    pub(super) async fn to_read(&self, side: Side, up_to: MessageId, now: Timestamp) -> MarkRead {
        MarkRead::new(
            self.id,
            self.conversation().await.access_version,
            side,
            up_to,
            now,
            Publisher::Anyone,
        )
    }

    pub(super) async fn mark(&self, side: Side, up_to: &Message, now: Timestamp) -> Marked {
        let step = self.to_read(side, up_to.id, now).await;
        self.store.mark_read(&step).await.unwrap()
    }

    /// Reads up to a message that is new to the side.
    pub(super) async fn read(&self, side: Side, up_to: &Message, now: Timestamp) -> Receipt {
        moved(self.mark(side, up_to, now).await)
    }

    /// Returns when a side first read up to a message, by the history.
    pub(super) async fn read_time(&self, side: Side, seq: u64) -> Option<Timestamp> {
        let page = self.history(Direction::After(seq - 1), 1).await;
        *page.rows[0].read.of(side)
    }

    /// Returns the step that changes the conversation at second 0, decided on the current state.
    pub(super) async fn to_change(&self, change: Change) -> ChangeState {
        ChangeState::new(&self.conversation().await, change, at(0), Publisher::Anyone)
    }

    pub(super) async fn change(&self, change: Change) -> Changed {
        let step = self.to_change(change).await;
        self.store.change_state(&step).await.unwrap()
    }

    pub(super) async fn history(&self, direction: Direction, size: usize) -> HistoryPage {
        let scan = HistoryScan::new(self.id, direction, limit(size));
        self.store.list_messages(&scan).await.unwrap().unwrap()
    }

    /// The seqs of a page, and whether more follow.
    pub(super) async fn seqs(&self, direction: Direction, size: usize) -> (Vec<u64>, bool) {
        let page = self.history(direction, size).await;
        (
            page.rows.iter().map(|row| row.message.seq).collect(),
            page.has_more,
        )
    }

    /// Returns all unpublished entries.
    pub(super) async fn entries(&self) -> Vec<LoadedEntry> {
        self.entries_from(1).await
    }

    pub(super) async fn entries_from(&self, head: u64) -> Vec<LoadedEntry> {
        self.store.load_entries(&[self.lane(head)], 10_000).await.unwrap()
    }

    /// Links a booking.
    pub(super) async fn link(&self, id: &str) {
        self.link_at(id, at(0)).await;
    }

    pub(super) async fn link_at(&self, id: &str, now: Timestamp) {
        let Conversation {
            client_id,
            agent_id,
            agent_user_id,
            ..
        } = self.conversation().await;
        let plan = PreparedOpen::new(self.id, client_id, agent_id, agent_user_id, now)
            .with_booking_id(Some(booking(id)));
        self.store.open(&plan, Publisher::Anyone).await.unwrap();
    }

    /// Publishes all events, so that the conversation has no lane.
    pub(super) async fn drain(&self) {
        let far = at(1_000_000_000);
        let lanes = self
            .store
            .claim_lanes(&Claim::new(worker_id(99), far, far, 10_000))
            .await
            .unwrap();
        assert!(
            of(&lanes).contains(&self.id),
            "the conversation has unpublished events"
        );
        let last = self.entries().await.last().unwrap().entry.number;
        let done = [self.published(far, last)];
        let rest = self.store.acknowledge(worker_id(99), far, &done).await.unwrap();
        assert_eq!(rest, []);
    }

    /// Returns the progress of the lane's owner up to that event, under a lease.
    pub(super) fn published(&self, lease_until: Timestamp, up_to: u64) -> Progress {
        Progress::new(self.id, lease_until, up_to)
    }

    /// Returns the lane from that entry on, as a worker requests it.
    pub(super) fn lane(&self, head: u64) -> Lane {
        Lane::new(self.id, head, at(0))
    }
}

pub(super) fn stored(appended: Appended) -> Stored {
    match appended {
        Appended::Stored(stored) => stored,
        other => panic!("expected a stored message, not {other:?}"),
    }
}

pub(super) fn moved(marked: Marked) -> Receipt {
    match marked {
        Marked::Moved(moved) => moved.receipt,
        other => panic!("expected a moved read position, not {other:?}"),
    }
}

pub(super) fn done(changed: Changed) -> CommittedEntry {
    match changed {
        Changed::Done(entry) => entry,
        other => panic!("expected an applied change, not {other:?}"),
    }
}

pub(super) fn requeued(requeued: Requeued) -> CommittedEntry {
    match requeued {
        Requeued::Done(entry) => entry,
        other => panic!("expected a requeued event, not {other:?}"),
    }
}

/// Lists a page.
pub(super) async fn list(store: &dyn Store, scope: &ListScope, start: ListStart, size: usize) -> ListPage {
    let scan = ListScan::new(scope.clone(), start, limit(size));
    store.list_conversations(&scan).await.unwrap()
}

/// Returns the start of the next page.
pub(super) fn behind(scope: &ListScope, page: &ListPage) -> ListStart {
    let last = &page.rows.last().unwrap().conversation;
    ListStart::After(ListCursor::new(scope.clone(), last.activity_at, last.id))
}

/// The conversations of a page.
pub(super) fn ids(page: &ListPage) -> Vec<ConversationId> {
    page.rows.iter().map(|row| row.conversation.id).collect()
}

/// Claims lanes for worker number `n`, until 30 seconds later.
pub(super) async fn claim(store: &dyn Store, n: u64, now: Timestamp, most: usize) -> Vec<Lane> {
    let until = now + Duration::from_secs(30);
    store
        .claim_lanes(&Claim::new(worker_id(n), now, until, most))
        .await
        .unwrap()
}

/// The conversations of lanes.
pub(super) fn of(lanes: &[Lane]) -> Vec<ConversationId> {
    lanes.iter().map(|lane| lane.conversation_id).collect()
}

/// Runs steps concurrently, and repeats each while it conflicts.
pub(super) async fn at_once<T, F, Fut>(steps: usize, step: F) -> Vec<T>
where
    F: Fn(usize) -> Fut + Send + Sync,
    Fut: Future<Output = Result<T, StoreError>> + Send,
    T: Send,
{
    let step = &step;
    join_all((0..steps).map(|n| retry(move || step(n)))).await
}
