use messaging_core::{
    domain::{
        change::Change,
        conversation::Conversation,
        message::{NewMessage, Origin},
        opening::PreparedOpen,
        side::{Recipients, Side},
    },
    id::{ConversationId, WorkerId},
    store::{
        Append, Appended, ChangeState, Changed, DeadLetter, Direction, HistoryScan, Lane, ListScan,
        ListStart, MarkRead, Marked, Publisher, Requeue, Requeued,
    },
    time::Timestamp,
};

use super::{random::Random, relay::publish, state::StormState};
use crate::make::{admin_scope, body, booking, conversation_id, key, limit, plan, secs, worker_id};
use crate::retry::retry;

/// One thread of the storm: acts like a user, and publishes its own events, as a host's process would.
pub(super) struct Person<'a> {
    pub(super) state: &'a StormState,
    worker: WorkerId,
    random: Random,
    /// The last send, to be repeated.
    sent: Option<(Append, Appended)>,
}

impl<'a> Person<'a> {
    pub(super) fn new(n: u64, state: &'a StormState) -> Self {
        Self {
            state,
            worker: worker_id(n),
            random: Random::new(n + 1),
            sent: None,
        }
    }

    pub(super) async fn act(&mut self) {
        let Some(conversation) = self.choose_conversation().await else {
            return self.open().await;
        };
        match self.random.below(18) {
            0 | 1 => self.open().await,
            2..=7 => self.send(&conversation).await,
            8 | 9 => self.send_again().await,
            10..=12 => self.read(&conversation).await,
            13 => self.change(&conversation).await,
            14 | 15 => self.requeue().await,
            _ => self.list().await,
        }
    }

    /// Returns the time of this process's clock, which sometimes goes back.
    fn now(&mut self) -> Timestamp {
        let back = self.random.below(10).saturating_sub(6) * 20;
        self.state.tick() - secs(back)
    }

    fn publisher(&mut self) -> Publisher {
        if self.random.below(4) == 0 {
            return Publisher::Anyone;
        }
        Publisher::Worker {
            id: self.worker,
            lease_until: self.state.tick() + secs(20),
        }
    }

    /// Publishes a lane obtained by writing; sometimes the process dies before.
    async fn publish(&mut self, lane: Option<Lane>) {
        let survives = self.random.below(4) > 0;
        if let Some(lane) = lane.filter(|_| survives) {
            let lease_until = lane.lease_until + secs(20);
            publish(self.state, self.worker, vec![lane], lease_until).await;
        }
    }

    fn pair(&mut self) -> PreparedOpen {
        plan(1 + self.random.below(3), 1 + self.random.below(2))
    }

    async fn choose_conversation(&mut self) -> Option<Conversation> {
        let mut scan = ListScan::new(admin_scope(1), ListStart::Skip(0), limit(1));
        scan.start = ListStart::Skip(usize::try_from(self.random.below(4)).unwrap_or(0));
        let page = retry(|| self.state.store.list_conversations(&scan)).await;
        page.rows.into_iter().next().map(|row| row.conversation)
    }

    async fn open(&mut self) {
        let plan = self
            .pair()
            .with_id(conversation_id(self.state.next_id()))
            .with_booking_id(Some(booking(format!("b{}", self.random.below(5)))))
            .with_now(self.now());
        let publisher = self.publisher();
        let opened = retry(|| self.state.store.open(&plan, publisher)).await;
        assert_eq!(opened.created, opened.id == plan.id);
        self.publish(opened.entry.and_then(|entry| entry.lane)).await;
    }

    async fn send(&mut self, conversation: &Conversation) {
        let side = Side::ALL[usize::from(self.random.below(2) == 0)];
        let origin = match self.random.below(8) {
            0 => Origin::system(Recipients::Both),
            _ => Origin::user(side, conversation.user(side).clone()),
        };
        let step = Append::new(
            conversation.id,
            conversation.access_version,
            NewMessage::new(self.state.next_message(), origin, body("hello"), self.now())
                // Few keys, so that the threads race for them.
                .with_idempotency_key(Some(key(format!("k{}", self.random.below(40)))))
                .with_digest_at(Some(self.now())),
            self.publisher(),
        );
        let appended = retry(|| self.state.store.append(&step)).await;
        if let Appended::Stored(stored) = &appended {
            assert_eq!(stored.message.id, step.message.id);
            self.publish(stored.entry.lane.clone()).await;
        }
        self.sent = Some((step, appended));
    }

    async fn send_again(&mut self) {
        let Some((step, first)) = &self.sent else { return };
        let appended = retry(|| self.state.store.append(step)).await;
        let id = |appended: &Appended| match appended {
            Appended::Stored(stored) => Some(stored.message.id),
            Appended::Duplicate(row) => Some(row.message.id),
            _ => None,
        };
        if let Some(first) = id(first) {
            assert_eq!(
                id(&appended),
                Some(first),
                "an answered send stays stored: {appended:?}"
            );
        }
        if let Appended::Stored(stored) = appended {
            self.publish(stored.entry.lane).await;
        }
    }

    async fn read(&mut self, conversation: &Conversation) {
        let Some(scan) = self.page(conversation.id).await else {
            return;
        };
        let step = MarkRead::new(
            conversation.id,
            conversation.access_version,
            Side::ALL[usize::from(self.random.below(2) == 0)],
            scan,
            self.now(),
            self.publisher(),
        );
        match retry(|| self.state.store.mark_read(&step)).await {
            Marked::Moved(moved) => {
                assert!(moved.counter.read <= moved.counter.received);
                self.publish(moved.entry.lane).await;
            }
            Marked::Already { .. } | Marked::Conflict => {}
            Marked::UnknownMessage => panic!("a listed message exists"),
            other => panic!("no step of the storm has this outcome: {other:?}"),
        }
    }

    /// Reads one of the newest messages, and checks that their page is from one snapshot.
    async fn page(&mut self, of: ConversationId) -> Option<messaging_core::id::MessageId> {
        let scan = HistoryScan::new(of, Direction::Newest, limit(5));
        let page = retry(|| self.state.store.list_messages(&scan)).await?;
        let seqs: Vec<_> = page.rows.iter().map(|row| row.message.seq).collect();
        let last = page.summary.conversation.last_seq;
        assert_eq!(seqs, (last.saturating_sub(4).max(1)..=last).collect::<Vec<_>>());
        assert_eq!(
            page.summary.last_message.as_ref(),
            page.rows.last().map(|row| &row.message)
        );
        let nth = self.random.below(last.clamp(1, 5));
        let row = page.rows.get(usize::try_from(nth).unwrap_or(0));
        row.map(|row| row.message.id)
    }

    async fn change(&mut self, conversation: &Conversation) {
        let change = match self.random.below(3) {
            0 => Change::Block(Side::Client),
            1 => Change::Unblock(Side::Client),
            _ if conversation.closed => Change::Reopen,
            _ => Change::Close,
        };
        let step = ChangeState::new(conversation, change, self.now(), self.publisher());
        if let Changed::Done(entry) = retry(|| self.state.store.change_state(&step)).await {
            self.publish(entry.lane).await;
        }
    }

    async fn requeue(&mut self) {
        let listed = retry(|| self.state.store.list_dead_letters(None, 3)).await;
        let nth = usize::try_from(self.random.below(3)).unwrap_or(0);
        let Some(DeadLetter { entry, .. }) = listed.into_iter().nth(nth) else {
            return;
        };
        let step = Requeue::new(entry.conversation_id, entry.number, self.now(), self.publisher());
        if let Requeued::Done(requeued) = retry(|| self.state.store.requeue(&step)).await {
            self.state.requeue(entry);
            self.publish(requeued.lane).await;
        }
    }

    async fn list(&mut self) {
        let scan = ListScan::new(admin_scope(1), ListStart::Newest, limit(100));
        let page = retry(|| self.state.store.list_conversations(&scan)).await;
        let places = page
            .rows
            .iter()
            .map(|row| (row.conversation.activity_at, row.conversation.id));
        assert!(places.is_sorted_by(|a, b| a > b), "{:?}", page.rows);
        for row in &page.rows {
            let last = row.last_message.as_ref();
            assert_eq!(last.map_or(0, |message| message.seq), row.conversation.last_seq);
        }
    }
}
