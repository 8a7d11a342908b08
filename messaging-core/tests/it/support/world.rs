//! A small marketplace: `carl` the client, `ada` who answers for `alpine`, `root` the admin.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use messaging_core::{
    Actor, AgentId, Body, BookingId, ConversationId, Error, ErrorKind, History, HistoryFrom, HistoryRequest,
    IdempotencyKey, MarkOnRead, Messaging, MessagingBuilder, OpenConversation, PageSize, Role, SendMessage,
    Sent, Timestamp, Unlimited, UserId, Workers,
    clock::{IdSource, ManualClock, SequentialIds},
    domain::page::ListScope,
    event::{ChannelName, Event},
    host::HostError,
    host::directory::{
        AgentProfile, BookingParties, BookingProfile, Contact, Directory, ProfileQuery, Profiles, UserProfile,
    },
    memory::MemoryStore,
    store::{ConversationStore, ListScan, ListStart},
    transport::channels::{ChannelAuth, Channels, Subscription, Webhook, WebhookError},
    transport::realtime::{Limits, PublishError, PublishErrorKind, Realtime, RevokeScope},
};
use mockall::mock;
use serde_json::Value;
use uuid::Uuid;

mock! {
    pub(crate) Directory {}
    #[async_trait]
    impl Directory for Directory {
        async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError>;
        async fn agent_user(&self, agent_id: &AgentId) -> Result<Option<UserId>, HostError>;
        async fn booking_parties(&self, booking_id: &BookingId) -> Result<Option<BookingParties>, HostError>;
        async fn contacts(&self, users: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError>;
    }
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub(crate) fn agent(id: &str) -> AgentId {
    AgentId::parse(id).unwrap()
}

pub(crate) fn booking(id: &str) -> BookingId {
    BookingId::parse(id).unwrap()
}

pub(crate) fn carl() -> Actor {
    Actor::new(user("carl"), Role::Client)
}

pub(crate) fn ada() -> Actor {
    Actor::new(
        user("ada"),
        Role::Agent {
            agent_id: agent("alpine"),
        },
    )
}

pub(crate) fn stranger() -> Actor {
    Actor::new(user("mallory"), Role::Client)
}

pub(crate) fn root() -> Actor {
    Actor::new(user("root"), Role::Admin)
}

pub(crate) fn message(conversation_id: ConversationId, text: &str, key: Option<&str>) -> SendMessage {
    let key = key.map(|key| IdempotencyKey::parse(key).unwrap());
    SendMessage {
        conversation_id,
        body: Body::parse(text).unwrap(),
        key,
    }
}

/// Ada answers for `alpine`; booking `b-carl` is carl's with `alpine`, `b-other` somebody else's.
pub(crate) struct People;

#[async_trait]
impl Directory for People {
    async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError> {
        let mut profiles = Profiles::default();
        for id in &query.users {
            let name = id.as_str().to_uppercase();
            profiles.add_user(id.clone(), UserProfile { name, image: None });
        }
        for id in &query.agents {
            let business_name = format!("{id} ltd");
            profiles.add_agent(
                id.clone(),
                AgentProfile {
                    business_name,
                    logo: None,
                },
            );
        }
        for id in &query.bookings {
            let number = format!("no. {id}");
            profiles.add_booking(
                id.clone(),
                BookingProfile {
                    number,
                    tour_title: "Tour".to_owned(),
                },
            );
        }
        Ok(profiles)
    }

    async fn agent_user(&self, agent_id: &AgentId) -> Result<Option<UserId>, HostError> {
        Ok(match agent_id.as_str() {
            "alpine" => Some(user("ada")),
            "baltic" => Some(user("bo")),
            "carls" => Some(user("carl")),
            _ => None,
        })
    }

    async fn booking_parties(&self, booking_id: &BookingId) -> Result<Option<BookingParties>, HostError> {
        let of = |client, a| {
            Some(BookingParties {
                client_id: user(client),
                agent_id: agent(a),
            })
        };
        Ok(match booking_id.as_str() {
            "b-carl" | "b-carl-2" => of("carl", "alpine"),
            "b-other" => of("mallory", "alpine"),
            "b-baltic" => of("carl", "baltic"),
            _ => None,
        })
    }

    async fn contacts(&self, _: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError> {
        Ok(HashMap::new())
    }
}

type Script = Box<dyn FnMut(&[Event]) -> Option<PublishErrorKind> + Send>;

/// Takes events down; fails when its script says so.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Mutex<Recorded>>);

struct Recorded {
    accepted: Vec<Event>,
    calls: usize,
    revoked: Vec<(UserId, ChannelName)>,
    revoke_scope: RevokeScope,
    /// How many calls to revoke there were, failed ones too.
    revoke_calls: usize,
    /// What comes of the next revocations; then they succeed.
    revocations: VecDeque<PublishErrorKind>,
    /// How many events had been accepted when the last user was revoked.
    accepted_before_revocation: Option<usize>,
    unsubscribed: Vec<(UserId, ChannelName)>,
    signed: Vec<Subscription>,
    on_sign: Option<Box<dyn FnOnce() + Send>>,
    script: Script,
    limits: Limits,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Recorded {
            accepted: Vec::new(),
            calls: 0,
            revoked: Vec::new(),
            revoke_scope: RevokeScope::Subscription,
            revoke_calls: 0,
            revocations: VecDeque::new(),
            accepted_before_revocation: None,
            unsubscribed: Vec::new(),
            signed: Vec::new(),
            on_sign: None,
            script: Box::new(|_| None),
            limits: Limits {
                events_per_call: 10,
                data_bytes: 10_240,
            },
        })))
    }

    /// Asks `script` before each call whether it fails.
    pub(crate) fn fail(&self, script: impl FnMut(&[Event]) -> Option<PublishErrorKind> + Send + 'static) {
        self.0.lock().unwrap().script = Box::new(script);
    }

    /// Fails the next calls like that, then no more.
    pub(crate) fn fail_next(&self, kinds: impl IntoIterator<Item = PublishErrorKind>) {
        let mut kinds: VecDeque<_> = kinds.into_iter().collect();
        self.fail(move |_| kinds.pop_front());
    }

    /// Does something just after the next signature.
    pub(crate) fn on_sign(&self, act: impl FnOnce() + Send + 'static) {
        self.0.lock().unwrap().on_sign = Some(Box::new(act));
    }

    pub(crate) fn set_limits(&self, limits: Limits) {
        self.0.lock().unwrap().limits = limits;
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap().accepted)
    }

    pub(crate) fn revoked(&self) -> Vec<String> {
        let recorded = self.0.lock().unwrap();
        recorded
            .revoked
            .iter()
            .map(|(user, channel)| format!("{user} {channel}"))
            .collect()
    }

    pub(crate) fn set_revoke_scope(&self, scope: RevokeScope) {
        self.0.lock().unwrap().revoke_scope = scope;
    }

    /// How many calls to revoke there were, failed ones too.
    pub(crate) fn revoke_calls(&self) -> usize {
        self.0.lock().unwrap().revoke_calls
    }

    /// Fails the next revocations like that.
    pub(crate) fn fail_revocations(&self, kinds: impl IntoIterator<Item = PublishErrorKind>) {
        self.0.lock().unwrap().revocations.extend(kinds);
    }

    /// How many events had been accepted when the last user was revoked.
    pub(crate) fn accepted_before_revocation(&self) -> Option<usize> {
        self.0.lock().unwrap().accepted_before_revocation
    }

    pub(crate) fn unsubscribed(&self) -> Vec<String> {
        let recorded = self.0.lock().unwrap();
        let ended = recorded.unsubscribed.iter();
        ended.map(|(user, channel)| format!("{user} {channel}")).collect()
    }

    pub(crate) fn signed(&self) -> Vec<Subscription> {
        self.0.lock().unwrap().signed.clone()
    }
}

impl Channels for Recorder {
    fn sign(&self, subscription: &Subscription) -> Result<ChannelAuth, HostError> {
        let mut recorded = self.0.lock().unwrap();
        recorded.signed.push(subscription.clone());
        let act = recorded.on_sign.take();
        drop(recorded);
        if let Some(act) = act {
            act();
        }
        Ok(ChannelAuth {
            auth: format!("signed:{}", subscription.channel),
            channel_data: None,
        })
    }

    fn receive_webhook(&self, _: &Webhook<'_>) -> Result<(), WebhookError> {
        Err(WebhookError::NotAuthentic(
            "there is none that could have sent it",
        ))
    }
}

#[async_trait]
impl Realtime for Recorder {
    fn limits(&self) -> Limits {
        self.0.lock().unwrap().limits
    }

    async fn publish(&self, batch: &[Event]) -> Result<(), PublishError> {
        let mut recorded = self.0.lock().unwrap();
        assert!(!batch.is_empty() && batch.len() <= recorded.limits.events_per_call);
        assert!(
            batch
                .iter()
                .all(|event| event.data.len() <= recorded.limits.data_bytes)
        );
        recorded.calls += 1;
        if let Some(kind) = (recorded.script)(batch) {
            return Err(PublishError::new(kind, "as scripted"));
        }
        recorded.accepted.extend_from_slice(batch);
        Ok(())
    }

    async fn revoke(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), PublishError> {
        let mut recorded = self.0.lock().unwrap();
        recorded.revoke_calls += 1;
        if let Some(kind) = recorded.revocations.pop_front() {
            return Err(PublishError::new(kind, "as asked for"));
        }
        recorded.accepted_before_revocation = Some(recorded.accepted.len());
        recorded.revoked.push((user_id.clone(), channel.clone()));
        Ok(())
    }

    fn revoke_scope(&self) -> RevokeScope {
        self.0.lock().unwrap().revoke_scope
    }

    async fn unsubscribe(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), PublishError> {
        let mut recorded = self.0.lock().unwrap();
        recorded.unsubscribed.push((user_id.clone(), channel.clone()));
        Ok(())
    }
}

/// Everything in memory, and a hand on each part.
pub(crate) struct World {
    pub(crate) messaging: Messaging,
    pub(crate) workers: Workers,
    pub(crate) store: MemoryStore,
    pub(crate) realtime: Recorder,
    pub(crate) clock: ManualClock,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(configure: impl FnOnce(MessagingBuilder) -> MessagingBuilder) -> Self {
        Self::on(MemoryStore::new(), ManualClock::new(), People, configure)
    }

    pub(crate) fn on(
        store: MemoryStore,
        clock: ManualClock,
        directory: impl Directory + 'static,
        configure: impl FnOnce(MessagingBuilder) -> MessagingBuilder,
    ) -> Self {
        let realtime = Recorder::new();
        let builder = Messaging::builder(store.clone(), directory)
            .rate_limiter(Unlimited)
            .realtime(realtime.clone())
            .clock(clock.clone())
            .ids(SequentialIds::default());
        let (messaging, workers) = configure(builder).build().unwrap();
        Self {
            messaging,
            workers,
            store,
            realtime,
            clock,
        }
    }

    /// Opens carl's conversation with alpine and publishes what that brings.
    pub(crate) async fn open(&self) -> ConversationId {
        let open = OpenConversation {
            agent_id: agent("alpine"),
            booking_id: None,
        };
        let opened = self.messaging.open_conversation(&carl(), &open).await.unwrap();
        self.drain().await;
        self.realtime.take();
        opened.conversation.summary.conversation.id
    }

    pub(crate) async fn send(&self, from: &Actor, to: ConversationId, text: &str) -> Sent {
        self.messaging
            .send_message(from, &message(to, text, None))
            .await
            .unwrap()
    }

    /// Publishes until there is nothing more to do now.
    pub(crate) async fn drain(&self) {
        while self.workers.relay().step().await.unwrap() > 0 {}
    }
}

/// The text of each `new-message` on a conversation's channel, in order, repetitions included.
pub(crate) fn texts(events: &[Event]) -> Vec<String> {
    let on_conversation = |event: &&Event| {
        event.name == "new-message" && event.channel.as_str().starts_with("private-conversation-")
    };
    events
        .iter()
        .filter(on_conversation)
        .map(|event| field(event, "content"))
        .collect()
}

pub(crate) fn field(event: &Event, name: &str) -> String {
    let data: Value = serde_json::from_str(&event.data).unwrap();
    data[name].as_str().unwrap().to_owned()
}

/// What was said, as `channel event data` lines.
pub(crate) fn said(events: &[Event]) -> String {
    let lines: Vec<_> = events
        .iter()
        .map(|e| format!("{} {} {}", e.channel, e.name, e.data))
        .collect();
    lines.join(
        "
",
    )
}

pub(crate) fn kind<T: std::fmt::Debug>(answer: Result<T, Error>) -> ErrorKind {
    answer.unwrap_err().kind().clone()
}

pub(crate) const FORBIDDEN: ErrorKind = ErrorKind::Forbidden { message: None };

pub(crate) fn open(agent_id: &str, booking_id: Option<&str>) -> OpenConversation {
    OpenConversation {
        agent_id: agent(agent_id),
        booking_id: booking_id.map(booking),
    }
}

pub(crate) fn unknown_conversation() -> ConversationId {
    ConversationId::parse("0190163d-8694-739b-aea5-966c26f8ad91").unwrap()
}

pub(crate) async fn history(world: &World, actor: &Actor, from: HistoryFrom, mark: MarkOnRead) -> History {
    let id = world.first_conversation().await;
    let request = HistoryRequest {
        conversation_id: id,
        from,
        limit: PageSize::new(2).unwrap(),
        mark,
    };
    world.messaging.history(actor, &request).await.unwrap()
}

pub(crate) fn shown(history: &History) -> Vec<&str> {
    history
        .messages
        .iter()
        .map(|message| message.row.message.body.as_str())
        .collect()
}

impl World {
    pub(crate) async fn first_conversation(&self) -> ConversationId {
        self.store.list_conversations(&everything()).await.unwrap().rows[0]
            .conversation
            .id
    }

    pub(crate) async fn count_conversations(&self) -> usize {
        self.store
            .list_conversations(&everything())
            .await
            .unwrap()
            .rows
            .len()
    }
}

fn everything() -> ListScan {
    let scope = ListScope::All(user("root"));
    ListScan {
        scope,
        start: ListStart::Newest,
        limit: PageSize::LIST,
    }
}

/// Ids that do not meet those of another process.
pub(crate) struct OtherIds {
    process: u128,
    ids: SequentialIds,
}

impl OtherIds {
    pub(crate) fn new(process: usize) -> Self {
        Self {
            process: process as u128,
            ids: SequentialIds::default(),
        }
    }
}

impl IdSource for OtherIds {
    fn new_id(&self, at: Timestamp) -> Uuid {
        Uuid::from_u128(self.ids.new_id(at).as_u128() | self.process << 40)
    }

    fn chance(&self) -> f64 {
        self.ids.chance()
    }
}
