//! How often somebody may do something, whoever calls for them.

use std::time::Duration;

use messaging_core::{
    Actor, ErrorKind, Messaging, NewReport, ProcessLimiter, Quota, RateLimits, Side,
    clock::{ManualClock, SequentialIds},
    domain::{report::Remark, side::Recipients},
    event::Typing,
    host::rate_limit::Limited,
    memory::MemoryStore,
    store::StoreErrorKind,
};
use messaging_testkit::{
    fake::{Effect, FailingStore},
    make::{body, key},
};

use crate::support::*;

const EVERY: Duration = Duration::from_secs(10);

/// Two at once of everything, and one more every ten seconds.
fn limited() -> ProcessLimiter {
    let quota = Quota::new(2, EVERY);
    let limits = Limited::ALL.into_iter();
    ProcessLimiter::new(limits.fold(RateLimits::default(), |limits, what| limits.with(what, quota)))
}

const fn refused(retry_after: Duration) -> ErrorKind {
    ErrorKind::RateLimited { retry_after }
}

#[tokio::test]
async fn who_sends_too_much_is_told_when_to_come_again_and_is_admitted_then() {
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
        "what is refused does not count"
    );
    world.send(&ada(), id, "everybody has their own").await;
    world.clock.advance(Duration::from_millis(7_500));
    world.send(&carl(), id, "hello").await;
    assert_eq!(
        kind(world.messaging.send_message(&carl(), &send).await),
        refused(EVERY)
    );
    assert_eq!(world.messaging.count_unread(&ada()).await.unwrap(), 3);
}

/// Opens, sends, reports and types, each once.
async fn everything(messaging: &Messaging, actor: &Actor) -> Vec<Result<(), ErrorKind>> {
    let id = unknown_conversation();
    let report = NewReport {
        reason: Remark::parse("rude").unwrap(),
        about: None,
    };
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
async fn what_is_refused_asks_nobody_and_changes_nothing() {
    let store = FailingStore::new(MemoryStore::new());
    let (messaging, _) = Messaging::builder(store.clone(), People)
        .rate_limiter(limited())
        .clock(ManualClock::new())
        .ids(SequentialIds::default())
        .build()
        .unwrap();
    for _ in 0..2 {
        let outcomes = everything(&messaging, &carl()).await;
        let not_found = Err(ErrorKind::NotFound);
        assert_eq!(
            outcomes,
            [Ok(()), not_found.clone(), not_found.clone(), not_found]
        );
    }
    // The next call of the store would say that it is broken.
    store.fail(1, StoreErrorKind::Internal, Effect::None);
    for _ in 0..3 {
        let outcomes = everything(&messaging, &carl()).await;
        assert_eq!(outcomes, vec![Err(refused(EVERY)); 4]);
    }
    assert_eq!(kind(messaging.count_unread(&carl()).await), ErrorKind::Internal);
}

#[tokio::test]
async fn reading_and_the_host_itself_are_not_limited() {
    let quota = Quota::new(1, EVERY);
    let limits = RateLimits::default().with(Limited::Send, quota);
    let world = World::with(|builder| builder.rate_limiter(ProcessLimiter::new(limits)));
    let id = world.open().await;
    for n in 0..50 {
        let (text, key) = (body("confirmed"), key(format!("k-{n}")));
        let to = Recipients::Side(Side::Client);
        world
            .messaging
            .send_system_message(id, to, text, key)
            .await
            .unwrap();
        world.messaging.find_conversation(&carl(), id).await.unwrap();
        world.messaging.count_unread(&carl()).await.unwrap();
    }
}

/// Whoever is refused for another reason may repeat that as often as anybody else.
#[tokio::test]
async fn a_repeated_send_counts_too_and_is_one_message() {
    let world = World::with(|builder| builder.rate_limiter(limited()));
    let id = world.open().await;
    let send = message(id, "hello", Some("k"));
    assert!(
        world
            .messaging
            .send_message(&carl(), &send)
            .await
            .unwrap()
            .created
    );
    assert!(
        !world
            .messaging
            .send_message(&carl(), &send)
            .await
            .unwrap()
            .created
    );
    assert_eq!(
        kind(world.messaging.send_message(&carl(), &send).await),
        refused(EVERY)
    );
    assert_eq!(world.messaging.count_unread(&ada()).await.unwrap(), 1);
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let limits = RateLimits::default();
    let a_minute = |what| 60.0 / limits.of(what).every().as_secs_f64();
    let described = Limited::ALL.map(|what| (limits.of(what).burst(), a_minute(what)));
    assert_eq!(described, [(10, 30.0), (10, 20.0), (5, 2.0), (10, 60.0)]);
}
