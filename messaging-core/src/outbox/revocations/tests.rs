use uuid::Uuid;

use super::*;

const DOWN: Result<(), TransportErrorKind> = Err(TransportErrorKind::Unavailable);

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH + Duration::from_secs(seconds)
}

fn entry(n: u128) -> EntryKey {
    (ConversationId::new(Uuid::from_u128(n)), 1)
}

/// The calls for one user.
struct World(Revocations, UserId);

impl World {
    fn new() -> Self {
        let user_id = UserId::parse("ada").expect("an id");
        Self(Revocations::default(), user_id)
    }

    fn begin(&self, n: u128, seconds: u64) -> Option<u64> {
        self.0.begin(&self.1, &[entry(n)], at(seconds))
    }

    fn end(&self, number: u64, ended: Result<(), TransportErrorKind>, seconds: u64) {
        self.0.end(&self.1, number, ended, at(seconds));
    }

    fn standing(&self, n: u128, seconds: u64) -> Standing {
        self.standing_after(0, n, seconds)
    }

    fn standing_after(&self, tries: u32, n: u128, seconds: u64) -> Standing {
        self.0.standing(&self.1, &entry(n), tries, at(seconds))
    }
}

#[test]
fn a_call_serves_only_entries_seen_before_it_began() {
    let world = World::new();
    assert_eq!(world.begin(1, 0), Some(1));
    assert_eq!(world.begin(2, 0), None, "a call is in progress");
    assert_eq!(
        world.standing(2, 0),
        Standing::Waits(at(10)),
        "the call began before the entry was seen"
    );
    world.end(1, Ok(()), 1);
    assert_eq!(world.standing(1, 1), Standing::Known(Outcome::Ended));
    assert_eq!(world.standing(1, 1), Standing::Reported);
    assert_eq!(world.begin(3, 9), None);
    assert_eq!(world.begin(2, 10), Some(2));
    assert_eq!(world.begin(3, 10), None);
    assert_eq!(world.standing(3, 10), Standing::Waits(at(10) + UNDER_WAY));
    world.end(2, Ok(()), 10);
    for n in [2, 3] {
        assert_eq!(world.standing(n, 10), Standing::Known(Outcome::Ended));
    }
}

#[test]
fn a_served_entry_needs_no_call_until_it_is_published() {
    let world = World::new();
    world.begin(1, 0);
    world.end(1, Ok(()), 0);
    assert_eq!(world.begin(1, 100), None);
    world.0.forget(&world.1, &entry(1));
    assert_eq!(world.begin(1, 100), Some(1), "another entry under that number");
}

#[test]
fn a_failed_call_is_retried_every_10_seconds_for_a_minute_at_most() {
    let world = World::new();
    let mut now = 0;
    for number in 1..=6 {
        assert_eq!(world.begin(1, now), Some(number));
        world.end(number, DOWN, now);
        assert_eq!(world.standing(1, now), Standing::Failed(at(now + 10)));
        assert_eq!(world.begin(1, now + 9), None);
        now += 10;
    }
    assert_eq!(world.begin(2, 59), None);
    assert_eq!(world.begin(1, 60), Some(7));
    world.end(7, DOWN, 60);
    assert_eq!(world.standing(1, 60), Standing::Known(Outcome::GivenUp));
    assert_eq!(
        world.standing(2, 60),
        Standing::Failed(at(70)),
        "the entry has a minute of its own"
    );
}

#[test]
fn an_entry_is_given_up_after_the_maximum_of_tries_and_reported_once() {
    let world = World::new();
    world.begin(1, 0);
    assert_eq!(
        world.standing_after(MAX_TRIES, 1, 0),
        Standing::Waits(at(0) + UNDER_WAY),
        "no call for this entry has failed"
    );
    world.end(1, DOWN, 0);
    let outcomes = [MAX_TRIES - 1, MAX_TRIES, MAX_TRIES + 1, 0].map(|n| world.standing_after(n, 1, 0));
    let given_up = Standing::Known(Outcome::GivenUp);
    assert_eq!(
        outcomes,
        [
            Standing::Failed(at(10)),
            given_up,
            Standing::Reported,
            Standing::Reported
        ]
    );
}

#[test]
fn only_the_first_entry_given_up_since_a_success_is_logged() {
    let world = World::new();
    let is_first = || world.0.is_first_given_up(&world.1);
    world.begin(1, 0);
    world.end(1, DOWN, 0);
    assert_eq!([is_first(), is_first()], [true, false]);
    world.begin(1, 10);
    world.end(2, Ok(()), 10);
    assert_eq!([is_first(), is_first()], [true, false]);
}

#[test]
fn a_requested_pause_between_calls_is_half_a_minute_at_most() {
    for (asked, given) in [(5, 10), (20, 20), (3_600, 30)] {
        let world = World::new();
        world.begin(1, 0);
        let retry_after = Some(Duration::from_secs(asked));
        world.end(1, Err(TransportErrorKind::Busy { retry_after }), 0);
        assert_eq!(world.standing(1, 0), Standing::Failed(at(given)));
        assert_eq!(world.begin(1, given - 1), None);
        assert_eq!(world.begin(1, given), Some(2));
    }
}

#[test]
fn a_refused_call_is_not_retried() {
    let world = World::new();
    world.begin(1, 0);
    world.end(1, Err(TransportErrorKind::Refused), 0);
    assert_eq!(world.standing(1, 0), Standing::Known(Outcome::Refused));
    assert_eq!(world.begin(1, 100), None);
}

#[test]
fn users_and_entries_published_by_other_processes_are_forgotten() {
    let world = World::new();
    world.begin(1, 0);
    world.end(1, Ok(()), 0);
    let other = UserId::parse("bo").expect("an id");
    world.0.begin(&other, &[entry(2)], at(600));
    assert_eq!(world.0.users().keys().collect::<Vec<_>>(), [&other]);
}
