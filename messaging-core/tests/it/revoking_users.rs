//! A transport that can only end all connections of a user is called rarely, and one call covers many
//! entries.

use std::time::Duration;

use messaging_core::{
    Actor, HostOpen, Role,
    clock::Clock as _,
    id::{ConversationId, WorkerId},
    store::{Claim, OutboxStore as _},
    transport::TransportErrorKind,
    transport::realtime::RevokeScope,
};
use messaging_testkit::make::uuid;

use crate::support::*;
use TransportErrorKind::{Busy, Deferred, Misconfigured, OutcomeUnknown, Refused, Unavailable};

const SECOND: Duration = Duration::from_secs(1);
const SPACING: u32 = 10;

fn world() -> World {
    let world = World::new();
    world.realtime.set_revoke_scope(RevokeScope::User);
    world
}

/// Carl's conversation with one of ada's agencies.
async fn open_with(world: &World, client: &str, agency: &str) -> ConversationId {
    let (client, agency, ada) = (user(client), agent(agency), user("ada"));
    let plan = world
        .messaging
        .operations()
        .prepare_open(HostOpen::new(&client, &agency, &ada));
    world
        .messaging
        .operations()
        .open_prepared(&plan.unwrap())
        .await
        .unwrap()
        .id
}

async fn reassign(world: &World, agency: &str) -> usize {
    let moved = world
        .messaging
        .operations()
        .reassign_agent(&agent(agency), &user("new"))
        .await;
    moved.unwrap().moved
}

/// Advances the clock by seconds, and publishes after each.
async fn pass(world: &World, seconds: u32) {
    for _ in 0..seconds {
        world.clock.advance(SECOND);
        world.drain().await;
    }
}

async fn lanes(world: &World) -> u64 {
    world.messaging.operations().health().await.unwrap().backlog.lanes
}

#[tokio::test]
async fn reassigning_a_thousand_conversations_takes_few_calls() {
    let world = world();
    for n in 1..=1_000 {
        open_with(&world, &format!("client-{n}"), "alpine").await;
    }
    world.drain().await;
    assert_eq!(reassign(&world, "alpine").await, 1_000);
    world.drain().await;
    assert_eq!(world.realtime.revoke_calls(), 1);
    let mut seconds = 0;
    while lanes(&world).await > 0 {
        let before = world.realtime.revoke_calls();
        pass(&world, SPACING).await;
        seconds += SPACING;
        assert!(world.realtime.revoke_calls() <= before + 1, "after {seconds} s");
        assert!(seconds < 60, "{} lanes after a minute", lanes(&world).await);
    }
    let calls = world.realtime.revoke_calls();
    assert!(calls <= 3, "{calls} calls");
    assert!(world.realtime.revoked().iter().all(|of| of.starts_with("ada ")));
}

#[tokio::test]
async fn one_call_covers_both_channels_before_later_entries() {
    let world = world();
    let id = open_with(&world, "carl", "alpine").await;
    world.send(&carl(), id, "before").await;
    reassign(&world, "alpine").await;
    world.send(&carl(), id, "after").await;
    world.drain().await;
    assert_eq!(world.realtime.revoke_calls(), 1);
    let before = world.realtime.accepted_before_revocation().unwrap();
    let events = world.realtime.take();
    assert_eq!(texts(&events[..before]), ["before"]);
    assert_eq!(texts(&events[before..]), ["after"]);
}

#[tokio::test]
async fn a_lane_with_failed_events_does_not_revoke_again() {
    let world = world();
    let id = open_with(&world, "carl", "alpine").await;
    world.drain().await;
    reassign(&world, "alpine").await;
    world.send(&carl(), id, "at last").await;
    world.realtime.fail(|_| Some(Unavailable));
    pass(&world, 900).await;
    assert_eq!(texts(&world.realtime.take()), [""; 0]);
    world.realtime.fail(|_| None);
    pass(&world, 60).await;
    assert_eq!(texts(&world.realtime.take()), ["at last"]);
    assert_eq!(world.realtime.revoke_calls(), 1);
}

#[tokio::test]
async fn an_unserved_entry_waits_for_the_next_call_without_counting_as_a_failure() {
    let world = world();
    let (first, second) = (
        open_with(&world, "carl", "alpine").await,
        open_with(&world, "carl", "baltic").await,
    );
    world.drain().await;
    reassign(&world, "alpine").await;
    world.drain().await;
    assert_eq!(world.realtime.revoke_calls(), 1);
    pass(&world, 3).await;
    reassign(&world, "baltic").await;
    world.send(&carl(), second, "waits").await;
    world.send(&carl(), first, "goes on").await;
    pass(&world, 6).await;
    assert_eq!(texts(&world.realtime.take()), ["goes on"]);
    assert_eq!(world.realtime.revoke_calls(), 1);
    world.clock.advance(SECOND);
    let now = world.clock.now();
    let claim = Claim::new(WorkerId::new(uuid(9, 9)), now, now + SECOND, 9);
    let claimed = world.store.claim_lanes(&claim).await.unwrap();
    let tries: Vec<_> = claimed.iter().map(|lane| (lane.tries, lane.refusals)).collect();
    assert_eq!(tries, [(0, 0)]);
    pass(&world, 1).await;
    assert_eq!(texts(&world.realtime.take()), ["waits"]);
    assert_eq!(world.realtime.revoke_calls(), 2);
}

#[tokio::test]
async fn failing_revocations_hold_only_their_lane_for_a_minute_and_log_one_error() {
    let retry_after = None;
    for kind in [
        Unavailable,
        OutcomeUnknown,
        Busy { retry_after },
        Deferred { retry_after },
    ] {
        let world = world();
        let mut ids = Vec::new();
        // More lanes than it takes to open the breaker when publishing fails.
        for n in 1..=12 {
            ids.push(open_with(&world, &format!("client-{n}"), "alpine").await);
        }
        let other = open_with(&world, "carl", "baltic").await;
        world.drain().await;
        reassign(&world, "alpine").await;
        world.realtime.fail_revocations([kind; 100]);
        let (log, _guard) = Log::begin();
        let mut seconds = 0_usize;
        world.drain().await;
        while lanes(&world).await > 0 {
            pass(&world, 1).await;
            seconds += 1;
            assert!(seconds < 100, "{kind}: {} lanes", lanes(&world).await);
            let calls = world.realtime.revoke_calls();
            assert!(calls <= 1 + seconds / 10, "{kind}: {calls} calls in {seconds} s");
            if seconds == 5 {
                world.realtime.take();
                world.send(&carl(), other, "goes on").await;
                world.drain().await;
                assert_eq!(texts(&world.realtime.take()), ["goes on"], "{kind}");
            }
        }
        assert!(seconds > 30, "{kind}: {seconds} s");
        let [given_up] = &log.lines(" ERROR ")[..] else {
            panic!("{kind}: one error, not {:?}", log.lines(" ERROR "))
        };
        for part in [
            "giving up",
            "user_id=ada",
            "receives events",
            "end them at the transport",
        ] {
            assert!(given_up.contains(part), "{part}: {given_up}");
        }
    }
}

#[tokio::test]
async fn a_lane_that_waits_for_a_revocation_does_not_keep_the_breaker_open() {
    for failure in [None, Some(Unavailable), Some(Busy { retry_after: None })] {
        let world = world();
        let mut ids = Vec::new();
        for client in ["client-1", "client-2", "client-3"] {
            ids.push(open_with(&world, client, "casa").await);
        }
        open_with(&world, "carl", "alpine").await;
        open_with(&world, "carl", "baltic").await;
        world.drain().await;
        if failure.is_none() {
            // The next call for this user is due in ten seconds.
            reassign(&world, "alpine").await;
            world.drain().await;
        }
        world.realtime.take();
        // A single such result opens the breaker.
        let retry_after = Some(SECOND);
        world.realtime.fail(move |_| Some(Busy { retry_after }));
        for (client, id) in ["client-1", "client-2", "client-3"].into_iter().zip(ids) {
            world
                .send(&Actor::new(user(client), Role::Client), id, client)
                .await;
        }
        world.drain().await;
        // The oldest due lane when the breaker is half-open, since the other three have a pause.
        reassign(&world, "baltic").await;
        world.realtime.fail(|_| None);
        world
            .realtime
            .fail_revocations(failure.into_iter().cycle().take(100));
        let revoke_calls = world.realtime.revoke_calls();
        pass(&world, 3).await;
        assert_eq!(
            world.realtime.revoke_calls(),
            revoke_calls + usize::from(failure.is_some()),
            "{failure:?}"
        );
        let mut texts = texts(&world.realtime.take());
        texts.sort();
        assert_eq!(texts, ["client-1", "client-2", "client-3"], "{failure:?}");
        assert_eq!(
            lanes(&world).await,
            1,
            "{failure:?}: only the lane that waits for the revocation"
        );
    }
}

#[tokio::test]
async fn a_refused_call_is_skipped_by_every_entry_it_serves() {
    for kind in [Refused, Misconfigured] {
        let world = world();
        for n in 1..=30 {
            open_with(&world, &format!("client-{n}"), "alpine").await;
        }
        world.drain().await;
        reassign(&world, "alpine").await;
        world.realtime.fail_revocations([kind; 100]);
        world.drain().await;
        pass(&world, 2 * SPACING).await;
        assert_eq!(lanes(&world).await, 0, "{kind}");
        assert!(world.realtime.revoke_calls() <= 2, "{kind}");
        assert!(
            !world.messaging.operations().health().await.unwrap().halted,
            "{kind}"
        );
    }
}
