//! The contents and times of digest e-mails. The digest simulation of the test kit covers repeated and late
//! e-mails; these tests cover single e-mails and single failures.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use messaging_core::{
    AgentId, Body, BookingId, ConfigError, ConversationId, DigestPolicy, HostOpen, IdempotencyKey, Messaging,
    Options, SendMessage, SystemMessage, UserId, Workers,
    clock::{Clock as _, ManualClock, SequentialIds},
    domain::{change::Change, page::PageSize, scope::ListScope, side::Side},
    host::{
        HostError, HostErrorKind,
        directory::{BookingParties, Contact, Directory, ProfileQuery, Profiles},
    },
    memory::MemoryStore,
    store::{ChangeState, ConversationStore as _, ListScan, ListStart, Publisher},
    transport::{TransportErrorKind, mailer::Digest},
    worker::DigestOptions,
};
use messaging_testkit::{
    fake::FakeDirectory,
    make::{admin, agency_id, agent, agent_user_id, booking_id, client, client_id},
};

use crate::support::{AllOffline, Letterbox, newest, offline_builder};

const MINUTE: Duration = Duration::from_mins(1);

struct Fixture {
    store: MemoryStore,
    messaging: Messaging,
    workers: Workers,
    clock: ManualClock,
    directory: FakeDirectory,
    mails: Letterbox,
}

impl Fixture {
    fn new() -> Self {
        Self::with(DigestPolicy::default())
    }

    fn with(policy: DigestPolicy) -> Self {
        let (store, clock, directory) = (MemoryStore::new(), ManualClock::new(), FakeDirectory::new());
        let mails = Letterbox::default();
        let (messaging, workers) = offline_builder(store.clone(), directory.clone(), &clock)
            .digests(mails.clone(), policy)
            .build()
            .unwrap();
        Self {
            store,
            messaging,
            workers,
            clock,
            directory,
            mails,
        }
    }

    async fn open(&self, c: u64, a: u64) -> ConversationId {
        let open =
            HostOpen::new(&client_id(c), &agency_id(a), &agent_user_id(a)).with_booking(&booking_id(c, a));
        let plan = self.messaging.operations().prepare_open(open).unwrap();
        self.messaging.operations().open_prepared(&plan).await.unwrap().id
    }

    async fn send(&self, c: u64, to: ConversationId, text: &str) {
        let send = SendMessage::new(to, Body::parse(text).unwrap());
        self.messaging.send_message(&client(c), &send).await.unwrap();
    }

    async fn step(&self) -> usize {
        self.workers.digests().unwrap().step().await.unwrap()
    }

    async fn after(&self, minutes: u32) -> Vec<Digest> {
        self.clock.advance(MINUTE * minutes);
        self.step().await;
        std::mem::take(&mut self.mails.0.lock().unwrap().0)
    }

    fn fail(&self, kind: TransportErrorKind) {
        self.mails.0.lock().unwrap().1.push_back(kind);
    }
}

#[tokio::test]
async fn one_e_mail_lists_all_conversations_longest_waiting_first() {
    let fixture = Fixture::with(DigestPolicy::default().with_conversations(2).with_messages(2));
    let (second, first, third) = (
        fixture.open(1, 1).await,
        fixture.open(2, 1).await,
        fixture.open(3, 1).await,
    );
    fixture.send(2, first, "Is the hut open?").await;
    fixture.clock.advance(MINUTE);
    for text in ["one", "two", "three"] {
        fixture.send(1, second, text).await;
    }
    let key = IdempotencyKey::parse("paid").unwrap();
    let paid = Body::parse("Paid").unwrap();
    fixture
        .messaging
        .operations()
        .send_system_message(&SystemMessage::new(third, paid, key))
        .await
        .unwrap();

    let mails = fixture.after(29).await;
    let [to_agent] = &mails[..] else {
        panic!("{mails:?}")
    };
    assert_eq!(
        (to_agent.user_id.as_str(), to_agent.name.as_str()),
        ("agent-1", "agent-1")
    );
    assert_eq!(to_agent.email, "agent-1@example.com");
    assert_eq!((to_agent.messages, to_agent.more_conversations), (5, 1));
    let told: Vec<_> = to_agent
        .conversations
        .iter()
        .map(|one| {
            let booking = one.booking.as_ref().unwrap().profile.title.as_str();
            let first: Vec<_> = one.first.iter().map(|message| message.text.as_str()).collect();
            (one.from.as_str(), one.side, booking, one.messages, first)
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "client-2",
                Side::Agent,
                "tour of booking-2-1",
                1,
                vec!["Is the hut open?"]
            ),
            (
                "client-1",
                Side::Agent,
                "tour of booking-1-1",
                3,
                vec!["one", "two"]
            ),
        ]
    );
    // The client of the third conversation has waited a minute less.
    let mails = fixture.after(1).await;
    let [to_client] = &mails[..] else {
        panic!("{mails:?}")
    };
    assert_eq!(
        (
            to_client.user_id.as_str(),
            to_client.conversations[0].from.as_str()
        ),
        ("client-3", "agency-1")
    );
    assert_eq!(fixture.after(600).await, []);
}

#[tokio::test]
async fn a_user_without_address_or_opted_out_is_not_mailed_later() {
    for contact in [
        Contact::at("ada@example.com").wanting_email(false),
        Contact::default(),
        Contact::at(""),
    ] {
        let fixture = Fixture::new();
        fixture.directory.set_contact(agent_user_id(1), contact);
        let id = fixture.open(1, 1).await;
        fixture.send(1, id, "hello").await;
        assert_eq!(fixture.after(30).await, []);
        fixture
            .directory
            .set_contact(agent_user_id(1), Contact::at("ada@example.com"));
        assert_eq!(fixture.after(60).await, []);
        fixture.send(1, id, "again").await;
        assert_eq!(fixture.after(30).await[0].messages, 1);
    }
}

#[tokio::test]
async fn a_retry_after_an_outage_includes_newer_messages() {
    for kind in [TransportErrorKind::Unavailable, TransportErrorKind::Misconfigured] {
        let fixture = Fixture::new();
        let id = fixture.open(1, 1).await;
        fixture.send(1, id, "hello").await;
        fixture.fail(kind);
        assert_eq!(fixture.after(30).await, []);
        assert_eq!(fixture.step().await, 0, "no attempt during the pause");
        fixture.send(1, id, "again").await;
        assert_eq!(fixture.after(1).await[0].messages, 2);
    }
}

#[tokio::test]
async fn an_e_mail_of_unknown_outcome_is_repeated_with_the_same_id_and_content() {
    let fixture = Fixture::new();
    let id = fixture.open(1, 1).await;
    fixture.send(1, id, "hello").await;
    fixture.fail(TransportErrorKind::OutcomeUnknown);
    fixture.fail(TransportErrorKind::Unavailable);
    assert_eq!(fixture.after(30).await, []);
    fixture.send(1, id, "again").await;
    assert_eq!(fixture.after(1).await, []);
    let first = fixture.after(1).await;
    assert_eq!((first.len(), first[0].messages), (1, 1));
    let second = fixture.after(30).await;
    assert_eq!((second.len(), second[0].messages), (1, 1));
    assert_ne!(second[0].id, first[0].id);
}

#[tokio::test]
async fn an_e_mail_of_unknown_outcome_counts_for_the_interval() {
    let fixture = Fixture::with(DigestPolicy::default().with_deferrals(3));
    let id = fixture.open(1, 1).await;
    fixture.send(1, id, "hello").await;
    for pause in [30, 1, 2] {
        fixture.fail(TransportErrorKind::OutcomeUnknown);
        assert_eq!(fixture.after(pause).await, []);
        if pause == 1 {
            fixture.send(1, id, "again").await;
        }
    }
    assert_eq!(
        fixture.after(29).await,
        [],
        "half an hour has not passed since the last attempt"
    );
    let next = fixture.after(1).await;
    assert_eq!((next.len(), next[0].messages), (1, 1));
}

#[tokio::test]
async fn a_refused_digest_is_not_retried() {
    let fixture = Fixture::new();
    let id = fixture.open(1, 1).await;
    fixture.send(1, id, "hello").await;
    fixture.fail(TransportErrorKind::Refused);
    assert_eq!(fixture.after(30).await, []);
    assert_eq!(fixture.after(600).await, []);
    fixture.send(1, id, "again").await;
    assert_eq!(fixture.after(30).await[0].messages, 1);
}

#[tokio::test]
async fn a_deferred_recipient_waits_longer_each_time_without_delaying_others() {
    let fixture = Fixture::new();
    let (first, second) = (fixture.open(1, 1).await, fixture.open(2, 2).await);
    fixture.send(1, first, "hello").await;
    fixture.clock.advance(Duration::from_millis(1));
    fixture.send(2, second, "hello").await;
    fixture.fail(TransportErrorKind::Deferred { retry_after: None });
    let mails = fixture.after(30).await;
    let users: Vec<_> = mails.iter().map(|mail| mail.user_id.as_str()).collect();
    assert_eq!(users, ["agent-2"], "the server continues with other users");
    // The pauses are 1, 2 and 4 minutes.
    for pause in [1, 2, 4] {
        fixture.fail(TransportErrorKind::Deferred { retry_after: None });
        assert_eq!(fixture.after(pause - 1).await, []);
        assert_eq!(
            fixture.mails.0.lock().unwrap().1.len(),
            1,
            "not tried before {pause} minutes"
        );
        assert_eq!(fixture.after(1).await, []);
        assert_eq!(
            fixture.mails.0.lock().unwrap().1.len(),
            0,
            "tried after {pause} minutes"
        );
    }
    assert_eq!(fixture.after(8).await[0].messages, 1, "no message is lost");
}

#[tokio::test]
async fn messages_that_are_blocked_closed_or_of_erased_users_are_not_mailed_and_stay_unread() {
    for end in ["blocks", "is closed", "erases"] {
        let fixture = Fixture::new();
        let id = fixture.open(1, 1).await;
        fixture.send(1, id, "hello").await;
        match end {
            "blocks" => fixture.messaging.block(&agent(1), id).await.unwrap(),
            "is closed" => fixture
                .messaging
                .admin(&admin(1))
                .unwrap()
                .close(id)
                .await
                .unwrap(),
            _ => drop(
                fixture
                    .messaging
                    .operations()
                    .erase_user(&client_id(1))
                    .await
                    .unwrap(),
            ),
        }
        assert_eq!(fixture.after(30).await, [], "{end}");
        // The message counts as mailed: unblocking does not mail it later.
        match end {
            "blocks" => fixture.messaging.unblock(&agent(1), id).await.unwrap(),
            "is closed" => fixture
                .messaging
                .admin(&admin(1))
                .unwrap()
                .reopen(id)
                .await
                .unwrap(),
            _ => {}
        }
        assert_eq!(fixture.after(600).await, [], "{end}");
        assert_eq!(
            fixture.messaging.count_unread(&agent(1)).await.unwrap(),
            1,
            "{end}"
        );
        let (key, paid) = (
            IdempotencyKey::parse("paid").unwrap(),
            Body::parse("Paid").unwrap(),
        );
        let message = SystemMessage::new(id, paid, key);
        let operations = fixture.messaging.operations();
        operations.send_system_message(&message).await.unwrap();
        let mails = fixture.after(30).await;
        let of_agent = mails
            .iter()
            .find(|mail| mail.user_id == agent_user_id(1))
            .unwrap();
        assert_eq!(of_agent.messages, 1, "a system message is mailed: {end}");
    }
}

/// A directory during whose lookup the conversation is blocked.
struct Blocks {
    directory: FakeDirectory,
    store: MemoryStore,
    clock: ManualClock,
}

#[async_trait]
impl Directory for Blocks {
    async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError> {
        let all = ListScan::new(
            ListScope::All(agent_user_id(1)),
            ListStart::Newest,
            PageSize::LIST,
        );
        for row in self.store.list_conversations(&all).await.unwrap().rows {
            let now = self.clock.now();
            let change = Change::Block(Side::Agent);
            let change = ChangeState::new(&row.conversation, change, now, Publisher::Anyone);
            self.store.change_state(&change).await.unwrap();
        }
        self.directory.profiles(query).await
    }

    async fn agent_user(&self, agent_id: &AgentId) -> Result<Option<UserId>, HostError> {
        self.directory.agent_user(agent_id).await
    }

    async fn booking_parties(&self, booking_id: &BookingId) -> Result<Option<BookingParties>, HostError> {
        self.directory.booking_parties(booking_id).await
    }

    async fn contacts(&self, users: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError> {
        self.directory.contacts(users).await
    }
}

#[tokio::test]
async fn a_block_during_the_directory_lookup_prevents_the_e_mail() {
    let fixture = Fixture::new();
    let id = fixture.open(1, 1).await;
    fixture.send(1, id, "hello").await;
    let mails = Letterbox::default();
    let directory = Blocks {
        directory: fixture.directory.clone(),
        store: fixture.store.clone(),
        clock: fixture.clock.clone(),
    };
    let (_messaging, workers) = Messaging::builder(fixture.store.clone(), directory)
        .digests(mails.clone(), DigestPolicy::default())
        .presence(AllOffline)
        .clock(fixture.clock.clone())
        .ids(SequentialIds::default())
        .build()
        .unwrap();
    fixture.clock.advance(MINUTE * 30);
    workers.digests().unwrap().step().await.unwrap();
    assert_eq!(mails.0.lock().unwrap().0, []);
    assert_eq!(fixture.after(600).await, [], "the message counts as mailed");
}

#[tokio::test]
async fn a_failing_directory_postpones_all_digests() {
    let fixture = Fixture::new();
    let id = fixture.open(1, 1).await;
    fixture.send(1, id, "hello").await;
    fixture.directory.fail(HostErrorKind::Temporary);
    assert_eq!(fixture.after(30).await, []);
    fixture.directory.answer();
    assert_eq!(fixture.after(5).await.len(), 1);
}

#[tokio::test]
async fn without_a_mailer_no_user_is_due() {
    let (messaging, workers) = Messaging::in_memory(FakeDirectory::new()).build().unwrap();
    assert!(workers.digests().is_none());
    drop(messaging);
    let fixture = Fixture::new();
    let id = fixture.open(1, 1).await;
    fixture.send(1, id, "hello").await;
    let conversation = fixture.store.find_conversation(id.into()).await.unwrap().unwrap();
    assert!(conversation.digests.agent.due_at.is_some());
    fixture.messaging.history(&agent(1), &newest(id)).await.unwrap();
    let conversation = fixture.store.find_conversation(id.into()).await.unwrap().unwrap();
    assert_eq!(conversation.digests.agent.due_at, None);
}

#[tokio::test]
async fn options_that_mail_no_user_are_refused() {
    let with = |policy, digests| {
        Messaging::builder(MemoryStore::new(), FakeDirectory::new())
            .digests(Letterbox::default(), policy)
            .options(Options::default().with_digests(digests))
            .build()
            .err()
    };
    let (policy, options) = (DigestPolicy::default(), DigestOptions::default());
    assert_eq!(with(policy, options), None);
    assert!(matches!(
        with(policy.with_a_day(0), options),
        Some(ConfigError::DigestPolicy(_))
    ));
    for bad in [
        options.with_lease(MINUTE),
        options.with_users(0),
        options.with_concurrency(0),
        options.with_chunk(0),
    ] {
        assert!(matches!(with(policy, bad), Some(ConfigError::Digests(_))));
    }
}
