//! The metrics: exactly the documented ones are recorded.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use messaging_core::{
    Actor, Body, ConversationId, DigestPolicy, ErrorKind, ListRequest, Messaging, OpenConversation, Role,
    SendMessage, SystemMessage, Timestamp, UserId, Workers,
    clock::{ManualClock, SequentialIds},
    domain::report::Remark,
    event::Typing,
    host::{
        HostError, HostErrorKind,
        presence::Presence,
        rate_limit::{Limited, ProcessLimiter, Quota, RateLimits},
    },
    memory::MemoryStore,
    participant::NewReport,
    telemetry::METRICS,
    transport::{
        TransportError, TransportErrorKind,
        mailer::{Digest, Mailer},
        push::{Notification, Push},
    },
};
use messaging_testkit::{
    fake::{FakeDirectory, RecordingRealtime},
    make::{agency_id, agent, client, client_id, key},
};

use crate::support::{Counted, message, newest};

/// A mailer, push service and presence, one part of which may be broken.
#[derive(Clone, Default)]
struct ExternalServices(Arc<Mutex<Option<Broken>>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Mailbox,
    Recipient,
    Mailer,
    Push,
    Presence,
}

impl ExternalServices {
    fn set_broken(&self, broken: Option<Broken>) {
        *self.0.lock().unwrap() = broken;
    }

    fn is(&self, broken: Broken) -> bool {
        *self.0.lock().unwrap() == Some(broken)
    }
}

#[async_trait]
impl Mailer for ExternalServices {
    async fn send(&self, _: &Digest) -> Result<(), TransportError> {
        if self.is(Broken::Mailbox) {
            return Err(TransportError::new(
                TransportErrorKind::Deferred { retry_after: None },
                "simulated failure",
            ));
        }
        if self.is(Broken::Recipient) {
            return Err(TransportError::new(
                TransportErrorKind::Refused,
                "simulated failure",
            ));
        }
        if self.is(Broken::Mailer) {
            return Err(TransportError::new(
                TransportErrorKind::Unavailable,
                "simulated failure",
            ));
        }
        Ok(())
    }
}

#[async_trait]
impl Push for ExternalServices {
    async fn notify(&self, _: &[UserId], _: &Notification) -> Result<(), TransportError> {
        if self.is(Broken::Push) {
            return Err(TransportError::new(
                TransportErrorKind::Unavailable,
                "simulated failure",
            ));
        }
        Ok(())
    }

    fn user_token(&self, _: &UserId, _: Timestamp) -> String {
        String::new()
    }
}

#[async_trait]
impl Presence for ExternalServices {
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        if self.is(Broken::Presence) {
            return Err(HostError::temporary("simulated failure"));
        }
        Ok(users.iter().map(|user| (user.clone(), false)).collect())
    }
}

struct Fixture {
    messaging: Messaging,
    workers: Workers,
    clock: ManualClock,
    directory: FakeDirectory,
    realtime: RecordingRealtime,
    outside: ExternalServices,
}

impl Fixture {
    fn new() -> Self {
        let (clock, directory) = (ManualClock::new(), FakeDirectory::new());
        let (realtime, outside) = (RecordingRealtime::new(), ExternalServices::default());
        let seldom = Quota::new(20, Duration::from_secs(1));
        let limits = Limited::ALL.into_iter();
        let limits = limits.fold(RateLimits::default(), |limits, what| limits.with(what, seldom));
        let (messaging, workers) = Messaging::builder(MemoryStore::new(), directory.clone())
            .rate_limiter(ProcessLimiter::new(limits))
            .realtime(realtime.clone())
            .digests(outside.clone(), DigestPolicy::default())
            .push(outside.clone())
            .presence(outside.clone())
            .clock(clock.clone())
            .ids(SequentialIds::default())
            .build()
            .unwrap();
        Self {
            messaging,
            workers,
            clock,
            directory,
            realtime,
            outside,
        }
    }

    async fn open(&self) -> ConversationId {
        let open = OpenConversation::new(agency_id(1));
        let opened = self.messaging.open_conversation(&client(1), &open).await;
        opened.unwrap().conversation.id()
    }

    async fn send(&self, actor: &Actor, send: &SendMessage) {
        // The outcome does not matter here.
        self.messaging.send_message(actor, send).await.ok();
    }

    /// Publishes within the next `later`, then notifies and mails.
    async fn work(&self, later: Duration) {
        for _ in 0..8 {
            self.workers.relay().step().await.unwrap();
            self.clock.advance(later / 8);
        }
        self.workers.notifier().unwrap().step().await;
        self.workers.digests().unwrap().step().await.unwrap();
        self.messaging.operations().health().await.unwrap();
    }
}

const HOUR: Duration = Duration::from_hours(1);

/// Causes every event that a metric counts.
async fn cause_every_event(fixture: &Fixture) {
    let messaging = &fixture.messaging;
    let (id, admin) = (
        fixture.open().await,
        Actor::new(UserId::parse("root").unwrap(), Role::Admin),
    );
    fixture.open().await;
    let hello = message(id, "Hello", Some("hello"));
    fixture.send(&client(1), &hello).await;
    fixture.send(&client(1), &hello).await;
    fixture
        .send(&client(1), &message(id, "Other words", Some("hello")))
        .await;
    fixture.send(&client(2), &hello).await;
    fixture.send(&admin, &hello).await;
    for _ in 0..2 {
        let paid = Body::parse("Paid").unwrap();
        messaging
            .operations()
            .send_system_message(&SystemMessage::new(id, paid, key("paid")))
            .await
            .unwrap();
    }
    fixture.work(HOUR).await;
    for broken in [Broken::Mailbox, Broken::Recipient, Broken::Mailer, Broken::Push] {
        fixture.outside.set_broken(Some(broken));
        let text = format!("Broken is the {broken:?}");
        fixture.send(&client(1), &message(id, &text, None)).await;
        fixture.work(24 * HOUR).await;
    }
    fixture.outside.set_broken(Some(Broken::Presence));
    messaging.find_conversation(&client(1), id).await.unwrap();
    fixture.outside.set_broken(None);
    messaging.history(&agent(1), &newest(id)).await.unwrap();

    for kind in [
        TransportErrorKind::Unavailable,
        TransportErrorKind::Busy { retry_after: None },
        TransportErrorKind::Misconfigured,
    ] {
        fixture.realtime.fail_next([kind]);
        fixture.send(&client(1), &message(id, "Try again", None)).await;
        fixture.work(HOUR).await;
    }
    fixture.realtime.fail_next([TransportErrorKind::Refused; 200]);
    fixture.send(&client(1), &message(id, "Never", None)).await;
    fixture.work(HOUR).await;
    fixture.realtime.recover();

    fixture.directory.fail(HostErrorKind::Temporary);
    messaging.history(&client(1), &newest(id)).await.unwrap();
    fixture.directory.answer();

    for reason in ["Rude", "Very rude"] {
        let reason = Remark::parse(reason).unwrap();
        let report = NewReport::new(reason);
        messaging.report(&client(1), id, &report).await.unwrap();
    }
    let list = ListRequest::newest();
    messaging.list_conversations(&admin, &list).await.unwrap();
    messaging.block(&agent(1), id).await.unwrap();
    fixture.send(&client(1), &message(id, "Blocked", None)).await;
    messaging.admin(&admin).unwrap().close(id).await.unwrap();
    fixture.send(&client(1), &message(id, "Closed", None)).await;
    for _ in 0..21 {
        messaging
            .set_typing(&client(1), id, Typing::Started, None)
            .await
            .ok();
    }
    messaging.operations().erase_user(&client_id(1)).await.unwrap();
    fixture.work(HOUR).await;
}

#[tokio::test]
async fn exactly_the_documented_metrics_are_recorded() {
    let fixture = Fixture::new();
    let counted = Counted::begin();
    cause_every_event(&fixture).await;
    let taken = counted.take();
    let names: BTreeSet<_> = taken.keys().filter_map(|name| name.split(' ').next()).collect();
    assert_eq!(names, METRICS.iter().map(|metric| metric.name).collect());
    for (name, count) in [
        ("messaging_conversations_total outcome=created", 1.0),
        ("messaging_conversations_total outcome=found", 1.0),
        ("messaging_messages_total origin=user outcome=repeated", 1.0),
        ("messaging_messages_total origin=system outcome=stored", 1.0),
        ("messaging_messages_total origin=system outcome=repeated", 1.0),
        ("messaging_refused_total reason=blocked", 1.0),
        ("messaging_refused_total reason=closed", 1.0),
        ("messaging_refused_total reason=forbidden", 1.0),
        ("messaging_refused_total reason=not_found", 1.0),
        ("messaging_refused_total reason=idempotency_conflict", 1.0),
        ("messaging_rate_limited_total what=typing", 1.0),
        ("messaging_reports_total outcome=opened", 1.0),
        ("messaging_reports_total outcome=added", 1.0),
        ("messaging_audited_total action=list", 1.0),
        ("messaging_audited_total action=close", 1.0),
        ("messaging_host_failures_total part=directory", 1.0),
        ("messaging_emails_total outcome=refused", 1.0),
        ("messaging_emails_total outcome=deferred_uncounted", 1.0),
        ("messaging_emails_total outcome=failed", 1.0),
        ("messaging_notifications_total outcome=failed", 1.0),
        ("messaging_host_failures_total part=presence", 1.0),
        ("messaging_realtime_calls_total outcome=down", 1.0),
        ("messaging_realtime_calls_total outcome=busy", 1.0),
        ("messaging_realtime_calls_total outcome=misconfigured", 1.0),
        ("messaging_dead_letters_total", 1.0),
        ("messaging_dead_letters", 1.0),
        ("messaging_unpublished_conversations", 0.0),
        ("messaging_halted", 0.0),
    ] {
        assert_eq!(
            taken.get(name).map(Vec::as_slice),
            Some(&[count][..]),
            "{name}: {taken:#?}"
        );
    }
    for name in [
        "messaging_emails_total outcome=sent",
        "messaging_notifications_total outcome=sent",
        "messaging_realtime_calls_total outcome=accepted",
        "messaging_realtime_calls_total outcome=refused",
    ] {
        assert!(taken.contains_key(name), "{name}: {taken:#?}");
    }
    let reads = &taken["messaging_reads_total"];
    assert_eq!(
        reads,
        &[2.0],
        "one by the agent, and one of the system's message by the client"
    );
}

#[tokio::test]
async fn an_opening_counts_a_directory_that_fails_or_times_out() {
    let fixture = Fixture::new();
    let open = OpenConversation::new(agency_id(1));
    let failed = async |counted: &Counted| {
        let opened = fixture.messaging.open_conversation(&client(1), &open).await;
        assert!(matches!(
            opened.unwrap_err().kind(),
            ErrorKind::Unavailable { .. }
        ));
        counted.take()["messaging_host_failures_total part=directory"].clone()
    };
    let counted = Counted::begin();
    fixture.directory.fail(HostErrorKind::Permanent);
    assert_eq!(failed(&counted).await, [1.0]);
    fixture.directory.hang();
    let (taken, ()) = tokio::join!(failed(&counted), async {
        tokio::task::yield_now().await;
        fixture.clock.advance(Duration::from_secs(1));
    });
    assert_eq!(taken, [1.0]);
}

#[test]
fn a_metric_name_ends_with_its_unit_or_total() {
    for metric in METRICS {
        assert!(metric.name.starts_with("messaging_"), "{metric:?}");
        let is_counter = metric.kind == messaging_core::telemetry::MetricKind::Counter;
        assert_eq!(metric.name.ends_with("_total"), is_counter, "{metric:?}");
        let is_time = metric.unit == metrics::Unit::Seconds;
        assert_eq!(metric.name.ends_with("_seconds"), is_time, "{metric:?}");
        assert!(metric.description.ends_with('.'), "{metric:?}");
    }
}
