//! Rate limits of users, whichever service calls on their behalf.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use messaging_core::{
    Actor, ErrorKind, HostError, Messaging, Side, SystemMessage, Timestamp, UserId,
    clock::{ManualClock, SequentialIds},
    domain::{report::Remark, side::Recipients},
    event::Typing,
    host::rate_limit::{Admission, Limited, ProcessLimiter, Quota, RateLimiter, RateLimits},
    memory::MemoryStore,
    participant::NewReport,
    store::StoreErrorKind,
};
use messaging_testkit::{
    fake::{Effect, FailingStore},
    make::{body, key},
};

use crate::support::*;

const EVERY: Duration = Duration::from_secs(10);

/// Admits two of each action at once, and one more every ten seconds.
fn limited() -> ProcessLimiter {
    let quota = Quota::new(2, EVERY);
    let limits = Limited::ALL.into_iter();
    ProcessLimiter::new(limits.fold(RateLimits::default(), |limits, what| limits.with(what, quota)))
}

const fn refused(retry_after: Duration) -> ErrorKind {
    ErrorKind::RateLimited { retry_after }
}

#[tokio::test]
async fn a_rate_limited_send_is_admitted_after_retry_after() {
    let world = World::with(|builder| builder.rate_limiter(limited()));
    let id = world.open().await;
    for _ in 0..2 {
        world.send(&carl(), id, "hello").await;
    }
    let send = message(id, "hello", None);
    let too_much = world.messaging.send_message(&carl(), &send).await;
    assert_eq!(kind(too_much), refused(EVERY));
    world.clock.advance(Duration::from_millis(2_500));
    let too_early = world.messaging.send_message(&carl(), &send).await;
    assert_eq!(
        kind(too_early),
        refused(Duration::from_millis(7_500)),
        "a refused request does not count"
    );
    world.send(&ada(), id, "each user has a quota").await;
    world.clock.advance(Duration::from_millis(7_500));
    world.send(&carl(), id, "hello").await;
    assert_eq!(
        kind(world.messaging.send_message(&carl(), &send).await),
        refused(EVERY)
    );
    assert_eq!(world.messaging.count_unread(&ada()).await.unwrap(), 3);
}

/// Opens, sends, reports and types once each.
async fn run_all_actions(messaging: &Messaging, actor: &Actor) -> Vec<Result<(), ErrorKind>> {
    let id = unknown_conversation();
    let report = NewReport::new(Remark::parse("rude").unwrap());
    let opened = messaging.open_conversation(actor, &open("alpine", None)).await;
    let sent = messaging.send_message(actor, &message(id, "hello", None)).await;
    let reported = messaging.report(actor, id, &report).await;
    let typed = messaging.set_typing(actor, id, Typing::Started, None).await;
    let outcomes = [opened.map(drop), sent.map(drop), reported.map(drop), typed];
    outcomes
        .map(|outcome| outcome.map_err(|error| error.kind().clone()))
        .into()
}

#[tokio::test]
async fn a_rate_limited_request_makes_no_call_and_changes_nothing() {
    let store = FailingStore::new(MemoryStore::new());
    let (messaging, _) = Messaging::builder(store.clone(), People)
        .rate_limiter(limited())
        .clock(ManualClock::new())
        .ids(SequentialIds::default())
        .build()
        .unwrap();
    for _ in 0..2 {
        let outcomes = run_all_actions(&messaging, &carl()).await;
        let not_found = Err(ErrorKind::NotFound);
        assert_eq!(
            outcomes,
            [Ok(()), not_found.clone(), not_found.clone(), not_found]
        );
    }
    // A call of the store would fail.
    store.fail(1, StoreErrorKind::Internal, Effect::None);
    for _ in 0..3 {
        let outcomes = run_all_actions(&messaging, &carl()).await;
        assert_eq!(outcomes, vec![Err(refused(EVERY)); 4]);
    }
    assert_eq!(kind(messaging.count_unread(&carl()).await), ErrorKind::Internal);
}

#[tokio::test]
async fn reading_and_host_calls_are_not_rate_limited() {
    let quota = Quota::new(1, EVERY);
    let limits = RateLimits::default().with(Limited::Send, quota);
    let world = World::with(|builder| builder.rate_limiter(ProcessLimiter::new(limits)));
    let id = world.open().await;
    for n in 0..50 {
        let (text, key) = (body("confirmed"), key(format!("k-{n}")));
        let to = Recipients::Side(Side::Client);
        world
            .messaging
            .operations()
            .send_system_message(&SystemMessage::new(id, text, key).to(to))
            .await
            .unwrap();
        world.messaging.find_conversation(&carl(), id).await.unwrap();
        world.messaging.count_unread(&carl()).await.unwrap();
    }
}

#[tokio::test]
async fn a_repeated_send_is_one_message_and_costs_nothing() {
    let world = World::with(|builder| builder.rate_limiter(limited()));
    let id = world.open().await;
    let send = message(id, "hello", Some("k"));
    let first = world.messaging.send_message(&carl(), &send).await.unwrap();
    assert!(first.created);
    for _ in 0..2 {
        let repeated = world.messaging.send_message(&carl(), &send).await.unwrap();
        assert_eq!(repeated.message, first.message);
        assert!(!repeated.created);
    }
    world.send(&carl(), id, "within the quota").await;
    assert_eq!(
        kind(
            world
                .messaging
                .send_message(&carl(), &message(id, "third", Some("l")))
                .await
        ),
        refused(EVERY)
    );
    assert_eq!(world.messaging.count_unread(&ada()).await.unwrap(), 2);
}

/// Admits `sends` sends and `repeats` repeats at once, and one more of each every hour.
fn sends_and_repeats(sends: u32, repeats: u32) -> ProcessLimiter {
    let hour = Duration::from_hours(1);
    let limits = RateLimits::default()
        .with(Limited::Send, Quota::new(sends, hour))
        .with(Limited::Repeat, Quota::new(repeats, hour));
    ProcessLimiter::new(limits)
}

#[tokio::test]
async fn a_send_over_the_limit_gets_its_message_if_it_repeats_one() {
    let world = World::with(|builder| builder.rate_limiter(sends_and_repeats(2, 3)));
    let messaging = &world.messaging;
    let id = world.open().await;
    let hour = Duration::from_hours(1);
    let send = message(id, "hello", Some("k"));
    let first = messaging.send_message(&carl(), &send).await.unwrap();
    world.send(&carl(), id, "within the quota").await;
    let repeated = messaging.send_message(&carl(), &send).await.unwrap();
    assert_eq!((repeated.message, repeated.created), (first.message, false));
    let another_text = messaging
        .send_message(&carl(), &message(id, "bye", Some("k")))
        .await;
    assert_eq!(kind(another_text), ErrorKind::IdempotencyConflict);
    let without_key = messaging.send_message(&carl(), &message(id, "hello", None)).await;
    assert_eq!(kind(without_key), refused(hour));
    let new_key = messaging
        .send_message(&carl(), &message(id, "hello", Some("l")))
        .await;
    assert_eq!(kind(new_key), refused(hour), "the third lookup");
    let beyond_the_repeats = messaging.send_message(&carl(), &send).await;
    assert_eq!(kind(beyond_the_repeats), refused(hour));
    assert_eq!(messaging.count_unread(&ada()).await.unwrap(), 2);
}

#[tokio::test]
async fn repeats_beyond_their_own_limit_count_as_sends() {
    let world = World::with(|builder| builder.rate_limiter(sends_and_repeats(4, 1)));
    let id = world.open().await;
    let send = message(id, "hello", Some("k"));
    for created in [true, false, false, false] {
        let answer = world.messaging.send_message(&carl(), &send).await.unwrap();
        assert_eq!(answer.created, created);
    }
    world.send(&carl(), id, "one admission was refunded").await;
    assert!(matches!(
        kind(world.messaging.send_message(&carl(), &send).await),
        ErrorKind::RateLimited { .. }
    ));
}

#[tokio::test]
async fn a_repeat_over_the_limit_reveals_nothing_after_access_ended() {
    let world = World::with(|builder| builder.rate_limiter(sends_and_repeats(1, 9)));
    let id = world.open().await;
    let send = message(id, "hello", Some("k"));
    world.messaging.send_message(&ada(), &send).await.unwrap();
    let operations = world.messaging.operations();
    operations
        .reassign_agent(&agent("alpine"), &user("alan"))
        .await
        .unwrap();
    let repeated = world.messaging.send_message(&ada(), &send).await;
    assert_eq!(kind(repeated), refused(Duration::from_hours(1)));
}

/// Answers no question about a send, and counts the places that are given back.
#[derive(Clone, Default)]
struct Unanswering(Arc<AtomicU32>);

#[async_trait::async_trait]
impl RateLimiter for Unanswering {
    async fn admit(&self, _: &UserId, what: Limited, _: Timestamp) -> Result<Admission, HostError> {
        match what {
            Limited::Send => Err(HostError::temporary("no answer")),
            _ => Ok(Admission::Admitted),
        }
    }

    async fn give_back(&self, _: &UserId, _: Limited, _: Timestamp) -> Result<(), HostError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test]
async fn a_place_that_was_not_counted_is_not_given_back() {
    let limiter = Unanswering::default();
    let world = World::with(|builder| builder.rate_limiter(limiter.clone()));
    let id = world.open().await;
    let send = message(id, "hello", Some("k"));
    for created in [true, false, false] {
        let answer = world.messaging.send_message(&carl(), &send).await.unwrap();
        assert_eq!(answer.created, created);
    }
    assert_eq!(limiter.0.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn actions_on_behalf_of_a_user_do_not_count_towards_the_users_limits() {
    let world = World::with(|builder| builder.rate_limiter(limited()));
    let id = world.open().await;
    let carl = carl();
    let on_behalf = world.messaging.operations().on_behalf_of(&carl);
    for _ in 0..2 {
        for n in 0..41 {
            let key = format!("night-{n}");
            on_behalf.open_conversation(&open("alpine", None)).await.unwrap();
            on_behalf
                .send_message(&message(id, "news", Some(&key)))
                .await
                .unwrap();
        }
    }
    assert_eq!(world.messaging.count_unread(&ada()).await.unwrap(), 41);
    for _ in 0..2 {
        world.send(&carl, id, "the full quota is left").await;
    }
    world.messaging.block(&ada(), id).await.unwrap();
    let blocked = on_behalf.send_message(&message(id, "news", None)).await;
    assert_eq!(kind(blocked), ErrorKind::Blocked, "a block applies");
}

#[tokio::test]
async fn the_host_marks_messages_as_read_on_behalf_of_a_user() {
    let world = World::new();
    let id = world.open().await;
    let sent = world.send(&carl(), id, "hello").await;
    let ada = ada();
    let on_behalf = world.messaging.operations().on_behalf_of(&ada);
    let read = on_behalf.mark_read(id, sent.message.id()).await.unwrap();
    assert_eq!(read.counter.unread(), 0);
    assert_eq!(world.messaging.count_unread(&ada).await.unwrap(), 0);
}

#[test]
fn the_default_limits_match_the_documentation() {
    let limits = RateLimits::default();
    let a_minute = |what| 60.0 / limits.of(what).every().as_secs_f64();
    let described = Limited::ALL.map(|what| (limits.of(what).burst(), a_minute(what)));
    assert_eq!(
        described,
        [(10, 30.0), (10, 20.0), (5, 2.0), (10, 60.0), (20, 60.0)]
    );
}
