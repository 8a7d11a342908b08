//! Two stores that receive the same steps: the memory store and another one.

use messaging_core::{
    domain::{
        conversation::Conversation,
        cursor::ListCursor,
        message::{IdempotencyKey, NewMessage},
        opening::PreparedOpen,
    },
    id::{AgentId, AuditId, BookingId, ConversationId, MessageId, UserId, WorkerId},
    memory::MemoryStore,
    store::{
        Append, Appended, AuditRecord, AuditStore, ChangeState, Changed, Claim, ConversationStore, Entry,
        HistoryScan, Lane, LaneDeferral, ListScan, ListStart, MarkRead, Marked, OutboxStore, Progress,
        Publisher, Recount, RecountScan, Requeue, Requeued, Store,
    },
    time::Timestamp,
};
use proptest::sample::Index;
use uuid::Uuid;

use crate::same_as_memory::steps::{By, From, Publish, Read, Step, Write};

/// A store, and the place where its data is kept.
pub(crate) trait Backend: Send + Sync {
    type Store: Store + AuditStore;

    /// Creates an empty store.
    fn new() -> impl Future<Output = Self> + Send;

    fn store(&self) -> &Self::Store;

    /// Closes the store, and reopens it on the same data.
    fn reopen(&mut self) -> impl Future<Output = ()> + Send;
}

/// Applies these steps to both stores, and checks that their results are equal.
pub(crate) fn check<K: Backend>(steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut pair = Pair::<K>::new().await;
        for step in steps {
            pair.apply(step).await;
        }
        pair.reopen().await;
    });
}

/// Calls both stores, and returns their common result.
macro_rules! same {
    ($pair:expr, $method:ident ( $($argument:expr),* )) => {{
        let memory = $pair.memory.$method($($argument),*).await.unwrap();
        let kept = $pair.kept.store().$method($($argument),*).await.unwrap();
        assert_eq!(kept, memory, stringify!($method));
        memory
    }};
}

const EVERYTHING: RecountScan = RecountScan::new(usize::MAX);

struct Pair<K> {
    memory: MemoryStore,
    kept: K,
    now: Timestamp,
    ids: u128,
    conversations: Vec<ConversationId>,
    messages: Vec<(ConversationId, MessageId)>,
    /// The lanes as they were claimed; most of them are outdated.
    lanes: Vec<Lane>,
    entries: Vec<Entry>,
}

impl<K: Backend> Pair<K> {
    async fn new() -> Self {
        Self {
            memory: MemoryStore::new(),
            kept: K::new().await,
            now: Timestamp::from_millis(1_767_225_600_000),
            ids: 1 << 64,
            conversations: vec![ConversationId::new(Uuid::nil())],
            messages: Vec::new(),
            lanes: Vec::new(),
            entries: Vec::new(),
        }
    }

    async fn reopen(&mut self) {
        self.kept.reopen().await;
        same!(self, backlog());
    }

    async fn apply(&mut self, step: &Step) {
        match step {
            Step::Wait(millis) => self.now = Timestamp::from_millis(self.now.as_millis() + millis),
            Step::Reopen => self.reopen().await,
            Step::Write(step) => self.write(step).await,
            Step::Publish(step) => self.publish(step).await,
            Step::Read(step) => self.read(step).await,
        }
        same!(self, backlog());
        if let Some(first) = same!(self, list_dead_letters(None, 9)).first() {
            same!(self, list_dead_letters(Some(&first.position()), 2));
        }
        assert_eq!(
            recounts(self.kept.store()).await,
            recounts(&self.memory).await,
            "recounts"
        );
    }

    async fn write(&mut self, step: &Write) {
        match step {
            Write::Open(client, agent, booking, by) => {
                let plan = PreparedOpen::new(
                    ConversationId::new(self.new_id()),
                    user(*client),
                    agency(*agent),
                    user(agent + 2),
                    self.now,
                )
                .with_booking_id(booking.map(|n| BookingId::parse(format!("booking-{n}")).unwrap()));
                let opened = same!(self, open(&plan, self.publisher(*by)));
                self.conversations.push(opened.id);
                self.lanes.extend(opened.entry.and_then(|entry| entry.lane));
            }
            Write::Append(at, from, key, body, access_version, by) => {
                let id = MessageId::new(self.new_id());
                self.messages.push((self.conversation(*at), id));
                let step = Append::new(
                    self.conversation(*at),
                    self.access_version(*at, *access_version).await,
                    NewMessage::new(id, from.origin(), body.clone(), self.now)
                        .with_extras(
                            body.stored_text()
                                .len()
                                .is_multiple_of(2)
                                .then(|| messaging_testkit::make::extras(body.stored_text())),
                        )
                        .with_idempotency_key(key.map(send_key))
                        .with_digest_at(Some(self.now)),
                    self.publisher(*by),
                );
                if let Appended::Stored(stored) = same!(self, append(&step)) {
                    self.lanes.extend(stored.entry.lane);
                }
            }
            Write::MarkRead(at, side, message, access_version, by) => {
                let step = MarkRead::new(
                    self.conversation(*at),
                    self.access_version(*at, *access_version).await,
                    *side,
                    self.message(*at, *message),
                    self.now,
                    self.publisher(*by),
                );
                if let Marked::Moved(moved) = same!(self, mark_read(&step)) {
                    self.lanes.extend(moved.entry.lane);
                }
            }
            Write::Change(at, change, access_version, by) => {
                let id = self.conversation(*at);
                let found = self.memory.find_conversation(id.into()).await.unwrap();
                let decided_on = found.unwrap_or_else(|| {
                    let mut unknown = messaging_testkit::make::plan(1, 1);
                    unknown.id = id;
                    Conversation::new(&unknown)
                });
                let publisher = self.publisher(*by);
                let mut step = ChangeState::new(&decided_on, change.clone(), self.now, publisher);
                step.access_version = self.access_version(*at, *access_version).await;
                if let Changed::Done(entry) = same!(self, change_state(&step)) {
                    self.lanes.extend(entry.lane);
                }
            }
            Write::Record(actor, action, at) => {
                let record = AuditRecord::new(AuditId::new(self.new_id()), self.now, user(*actor), *action)
                    .with_conversation_id(at.as_ref().map(|at| self.conversation(*at)));
                same!(self, record_access(&record));
                same!(self, list_accesses(None, 3));
                let before = AuditId::new(Uuid::from_u128(record.id.as_uuid().as_u128() - 1));
                same!(self, list_accesses(Some(before), 3));
            }
        }
    }

    async fn publish(&mut self, step: &Publish) {
        match step {
            Publish::Claim(by, lease, limit) => {
                let lanes = same!(
                    self,
                    claim_lanes(&Claim::new(worker(*by), self.now, self.now + *lease, *limit))
                );
                self.lanes.extend(lanes);
            }
            Publish::Load(lanes, per_lane) => {
                let loaded = same!(self, load_entries(&self.some_lanes(lanes), *per_lane));
                self.entries.extend(loaded.into_iter().map(|loaded| loaded.entry));
            }
            Publish::Acknowledge(by, lanes, more, lease) => {
                let progress = |lane: Lane| {
                    Progress::new(
                        lane.conversation_id,
                        lane.lease_until,
                        (lane.head + more).saturating_sub(1),
                    )
                };
                let done: Vec<_> = self.some_lanes(lanes).into_iter().map(progress).collect();
                let lanes = same!(self, acknowledge(worker(*by), self.now + *lease, &done));
                self.lanes.extend(lanes);
            }
            Publish::Delay(by, lanes, delay, failure) => {
                let release = |lane: Lane| {
                    LaneDeferral::new(lane.conversation_id, lane.lease_until, self.now + *delay)
                        .with_failure(*failure)
                };
                let delays: Vec<_> = self.some_lanes(lanes).into_iter().map(release).collect();
                same!(self, defer_lanes(worker(*by), &delays));
            }
            Publish::DeadLetter(by, lane, entry) => {
                let Some(lane) = pick(*lane, &self.lanes) else {
                    return;
                };
                // A dead letter names an entry of its own lane.
                let mut its = self.entries.clone();
                its.retain(|entry| entry.conversation_id == lane.conversation_id);
                if let Some(entry) = pick(*entry, &its) {
                    same!(self, dead_letter(worker(*by), lane, entry, "too large", self.now));
                }
            }
            Publish::Requeue(nth, by) => {
                let dead = same!(self, list_dead_letters(None, 9));
                let (conversation_id, number) = match pick(*nth, &dead) {
                    Some(one) => (one.entry.conversation_id, one.entry.number),
                    None => (self.conversation(*nth), 1),
                };
                let step = Requeue::new(conversation_id, number, self.now, self.publisher(*by));
                if let Requeued::Done(entry) = same!(self, requeue(&step)) {
                    self.lanes.extend(entry.lane);
                }
            }
        }
    }

    async fn read(&self, step: &Read) {
        match step {
            Read::List(scope, from, limit) => {
                let start = match from {
                    From::Newest => ListStart::Newest,
                    From::Skip(count) => ListStart::Skip(*count),
                    From::After(at) => {
                        let id = self.conversation(*at);
                        let found = same!(self, find_conversation(id.into()));
                        let activity_at = found.map_or(self.now, |found| found.activity_at);
                        ListStart::After(ListCursor::new(scope.clone(), activity_at, id))
                    }
                };
                let scan = ListScan::new(scope.clone(), start, *limit);
                same!(self, list_conversations(&scan));
                same!(self, count_conversations(scope, limit.get() as u64));
                same!(self, count_unread(scope));
            }
            Read::History(at, direction, limit) => {
                let scan = HistoryScan::new(self.conversation(*at), *direction, *limit);
                same!(self, list_messages(&scan));
            }
            Read::Look(at, sender, key) => {
                let id = self.conversation(*at);
                same!(self, find_summary(id));
                same!(self, list_bookings(id));
                same!(self, list_newest_bookings(&[id], 2));
                same!(self, find_sent(id, sender.map(user).as_ref(), &send_key(*key)));
            }
            Read::OfAgent(agent, after, limit) => {
                let after = after.as_ref().map(|at| self.conversation(*at));
                same!(self, list_agent_conversations(&agency(*agent), after, *limit));
            }
        }
    }

    fn new_id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    fn conversation(&self, at: Index) -> ConversationId {
        *at.get(&self.conversations)
    }

    /// A message sent to a conversation, or an id that no message has.
    fn message(&self, at: Index, which: Index) -> MessageId {
        let of = self.conversation(at);
        let sent = self
            .messages
            .iter()
            .filter(|(to, _)| *to == of)
            .map(|(_, id)| *id);
        let ids: Vec<_> = sent.chain([MessageId::new(Uuid::nil())]).collect();
        *which.get(&ids)
    }

    /// The current access version, or one that differs by `off`.
    async fn access_version(&self, at: Index, off: u32) -> u32 {
        let found = same!(self, find_conversation(self.conversation(at).into()));
        found.map_or(0, |found| found.access_version) + off
    }

    fn publisher(&self, by: Option<By>) -> Publisher {
        by.map_or(Publisher::Anyone, |(n, lease)| Publisher::Worker {
            id: worker(n),
            lease_until: self.now + lease,
        })
    }

    fn some_lanes(&self, which: &[Index]) -> Vec<Lane> {
        let picked = which.iter().filter_map(|index| pick(*index, &self.lanes));
        picked.cloned().collect()
    }
}

/// Recounts without the tails of lanes, which not every store keeps.
async fn recounts(store: &dyn Store) -> Vec<Recount> {
    let mut recounts = store
        .recount()
        .unwrap()
        .recount_conversations(&EVERYTHING)
        .await
        .unwrap();
    for lane in recounts.iter_mut().filter_map(|recount| recount.lane.as_mut()) {
        lane.tail = None;
    }
    recounts
}

/// One of the newest five elements, most of which are still current.
fn pick<T>(index: Index, from: &[T]) -> Option<&T> {
    let recent = &from[from.len().saturating_sub(5)..];
    (!recent.is_empty()).then(|| index.get(recent))
}

pub(crate) fn user(n: u8) -> UserId {
    UserId::parse(format!("user-{n}")).unwrap()
}

pub(crate) fn agency(n: u8) -> AgentId {
    AgentId::parse(format!("agency-{n}")).unwrap()
}

fn worker(n: u8) -> WorkerId {
    WorkerId::new(Uuid::from_u128(n.into()))
}

fn send_key(n: u8) -> IdempotencyKey {
    IdempotencyKey::parse(format!("key-{n}")).unwrap()
}
