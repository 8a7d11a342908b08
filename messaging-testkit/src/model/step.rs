use messaging_core::{
    domain::{
        change::Change,
        side::{Recipients, Side},
    },
    store::LaneFailure,
};
use proptest::{collection::vec, prelude::*};

use crate::make::agent_user_id;

/// One step. Numbers choose among the existing conversations and messages, so that a sequence stays meaningful
/// when it shrinks.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Moves the clock by that many seconds.
    Clock(i64),
    Open {
        client: u64,
        agency: u64,
        booking: Option<u8>,
        by: PublisherChoice,
    },
    Send {
        to: u8,
        from: SenderChoice,
        key: Option<u8>,
        text: u8,
        access_version: AccessVersion,
        by: PublisherChoice,
    },
    Read {
        of: u8,
        side: Side,
        message: u8,
        access_version: AccessVersion,
        by: PublisherChoice,
    },
    Change {
        of: u8,
        change: StateChange,
        access_version: AccessVersion,
        by: PublisherChoice,
    },
    Unlink {
        of: u8,
        booking: u8,
        by: PublisherChoice,
    },
    Page {
        of: u8,
        direction: PageDirection,
        size: usize,
    },
    List {
        scope: ScopeChoice,
        start: Start,
        size: usize,
    },
    Claim {
        worker: u64,
        most: usize,
        lease: u64,
    },
    Load {
        of: u8,
        skip: u64,
        per_lane: usize,
    },
    Acknowledge {
        worker: u64,
        under: Lease,
        of: u8,
        count: usize,
        lease: u64,
    },
    Delay {
        worker: u64,
        under: Lease,
        of: u8,
        wait: u64,
        failure: LaneFailure,
    },
    /// Moves the entry at the head to the dead letters, and continues after it.
    Refuse {
        worker: u64,
        under: Lease,
        of: u8,
        lease: u64,
    },
    /// Requeues a dead letter, or an entry that is not one.
    Requeue {
        nth: u8,
        by: PublisherChoice,
    },
}

/// The publisher of a step's events.
#[derive(Debug, Clone, Copy)]
pub(super) enum PublisherChoice {
    Anyone,
    Worker(u64),
}

/// The sender of a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum SenderChoice {
    Side(Side),
    System(Recipients),
}

/// The access version that a step was decided on.
#[derive(Debug, Clone, Copy)]
pub(super) enum AccessVersion {
    Current,
    Another,
}

/// The lease under which a worker acts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lease {
    Current,
    /// The lease with which the lane was created, possibly void.
    First,
}

/// A change of a conversation.
#[derive(Debug, Clone, Copy)]
pub(super) enum StateChange {
    Block(Side),
    Unblock(Side),
    Close,
    Reopen,
    /// Reassigns to one of a few users.
    Reassign(u64),
}

impl StateChange {
    pub(super) fn change(self) -> Change {
        match self {
            Self::Block(side) => Change::Block(side),
            Self::Unblock(side) => Change::Unblock(side),
            Self::Close => Change::Close,
            Self::Reopen => Change::Reopen,
            Self::Reassign(n) => Change::Reassign(agent_user_id(n)),
        }
    }
}

/// The direction of a history page.
#[derive(Debug, Clone, Copy)]
pub(super) enum PageDirection {
    Newest,
    Before(u64),
    After(u64),
}

/// The scope of a list.
#[derive(Debug, Clone, Copy)]
pub(super) enum ScopeChoice {
    Client(u64),
    Agent(u64, u64),
    /// All conversations, as seen by the client of that number; the store does not check for an admin.
    All(u64),
}

/// The start of a list page.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    Newest,
    Skip(usize),
    /// After one of the existing conversations, of any scope.
    After(u8),
}

pub(super) fn sequences() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..60)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (-40..=60_i64).prop_map(Step::Clock),
        4 => (1..=3_u64, 1..=2_u64, proptest::option::of(0..3_u8), by())
            .prop_map(|(client, agency, booking, by)| Step::Open { client, agency, booking, by }),
        10 => (any::<u8>(), from(), proptest::option::of(0..3_u8), 0..2_u8, access_version(), by())
            .prop_map(|(to, from, key, text, access_version, by)| Step::Send { to, from, key, text, access_version, by }),
        6 => (any::<u8>(), side(), any::<u8>(), access_version(), by())
            .prop_map(|(of, side, message, access_version, by)| Step::Read { of, side, message, access_version, by }),
        3 => (any::<u8>(), change(), access_version(), by())
            .prop_map(|(of, change, access_version, by)| Step::Change { of, change, access_version, by }),
        1 => (any::<u8>(), 0..3_u8, by()).prop_map(|(of, booking, by)| Step::Unlink { of, booking, by }),
        3 => (any::<u8>(), direction(), 1..=4_usize).prop_map(|(of, direction, size)| Step::Page { of, direction, size }),
        3 => (scope(), start(), 1..=3_usize)
            .prop_map(|(scope, start, size)| Step::List { scope, start, size }),
        4 => (worker(), 1..=3_usize, 0..60_u64)
            .prop_map(|(worker, most, lease)| Step::Claim { worker, most, lease }),
        2 => (any::<u8>(), 0..3_u64, 1..=4_usize)
            .prop_map(|(of, skip, per_lane)| Step::Load { of, skip, per_lane }),
        4 => (worker(), lease(), any::<u8>(), 0..5_usize, 0..60_u64)
            .prop_map(|(worker, under, of, count, lease)| Step::Acknowledge { worker, under, of, count, lease }),
        2 => (worker(), lease(), any::<u8>(), 0..60_u64, failure())
            .prop_map(|(worker, under, of, wait, failure)| Step::Delay { worker, under, of, wait, failure }),
        2 => (worker(), lease(), any::<u8>(), 0..60_u64)
            .prop_map(|(worker, under, of, lease)| Step::Refuse { worker, under, of, lease }),
        2 => (any::<u8>(), by()).prop_map(|(nth, by)| Step::Requeue { nth, by }),
    ]
}

fn worker() -> impl Strategy<Value = u64> {
    1..=2_u64
}

fn by() -> impl Strategy<Value = PublisherChoice> {
    prop_oneof![
        Just(PublisherChoice::Anyone),
        worker().prop_map(PublisherChoice::Worker)
    ]
}

fn side() -> impl Strategy<Value = Side> {
    proptest::sample::select(&Side::ALL[..])
}

fn from() -> impl Strategy<Value = SenderChoice> {
    prop_oneof![
        6 => side().prop_map(SenderChoice::Side),
        1 => side().prop_map(|side| SenderChoice::System(Recipients::Side(side))),
        1 => Just(SenderChoice::System(Recipients::Both)),
    ]
}

fn lease() -> impl Strategy<Value = Lease> {
    prop_oneof![2 => Just(Lease::Current), 1 => Just(Lease::First)]
}

fn access_version() -> impl Strategy<Value = AccessVersion> {
    prop_oneof![9 => Just(AccessVersion::Current), 1 => Just(AccessVersion::Another)]
}

fn change() -> impl Strategy<Value = StateChange> {
    prop_oneof![
        side().prop_map(StateChange::Block),
        side().prop_map(StateChange::Unblock),
        Just(StateChange::Close),
        Just(StateChange::Reopen),
        (1..=3_u64).prop_map(StateChange::Reassign),
    ]
}

fn direction() -> impl Strategy<Value = PageDirection> {
    prop_oneof![
        Just(PageDirection::Newest),
        (0..12_u64).prop_map(PageDirection::Before),
        (0..12_u64).prop_map(PageDirection::After),
    ]
}

fn scope() -> impl Strategy<Value = ScopeChoice> {
    prop_oneof![
        (1..=3_u64).prop_map(ScopeChoice::Client),
        (1..=2_u64, 1..=3_u64).prop_map(|(agency, user)| ScopeChoice::Agent(agency, user)),
        (1..=3_u64).prop_map(ScopeChoice::All),
    ]
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![
        Just(Start::Newest),
        (0..4_usize).prop_map(Start::Skip),
        any::<u8>().prop_map(Start::After),
    ]
}

fn failure() -> impl Strategy<Value = LaneFailure> {
    prop_oneof![
        Just(LaneFailure::None),
        Just(LaneFailure::Transport),
        Just(LaneFailure::Refused)
    ]
}
