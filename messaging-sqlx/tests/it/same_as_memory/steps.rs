//! Random steps on a store, on so few users and conversations that steps interact.

use std::time::Duration;

use messaging_core::{
    domain::{
        body::Body,
        change::Change,
        message::Origin,
        page::PageSize,
        scope::ListScope,
        side::{Recipients, Side},
    },
    store::{AuditedAction, Direction, LaneFailure},
};
use proptest::{collection::vec, option, prelude::*, sample::Index};

use crate::same_as_memory::pair::{agency, user};

/// A worker, and the duration of its lease.
pub(crate) type By = (u8, Duration);

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Moves the clock by that many milliseconds, forwards or backwards.
    Wait(i64),
    Reopen,
    Write(Write),
    Publish(Publish),
    Read(Read),
}

#[derive(Debug, Clone)]
pub(crate) enum Write {
    Open(u8, u8, Option<u8>, Option<By>),
    Append(Index, Sender, Option<u8>, Body, u32, Option<By>),
    MarkRead(Index, Side, Index, u32, Option<By>),
    Change(Index, Change, u32, Option<By>),
    Record(u8, AuditedAction, Option<Index>),
}

#[derive(Debug, Clone)]
pub(crate) enum Publish {
    Claim(u8, Duration, usize),
    Load(Vec<Index>, usize),
    Acknowledge(u8, Vec<Index>, u64, Duration),
    Delay(u8, Vec<Index>, Duration, LaneFailure),
    DeadLetter(u8, Index, Index),
    /// A dead letter, or an entry that is not one.
    Requeue(Index, Option<By>),
}

#[derive(Debug, Clone)]
pub(crate) enum Read {
    List(ListScope, From, PageSize),
    History(Index, Direction, PageSize),
    Look(Index, Option<u8>, u8),
    OfAgent(u8, Option<Index>, usize),
}

#[derive(Debug, Clone)]
pub(crate) enum Sender {
    User(Side, u8),
    System(Recipients),
}

impl Sender {
    pub(crate) fn origin(&self) -> Origin {
        match self {
            Self::User(side, n) => Origin::user(*side, user(*n)),
            Self::System(to) => Origin::system(*to),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum From {
    Newest,
    Skip(usize),
    After(Index),
}

pub(crate) fn any_number() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 0..120)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Reopen),
        4 => (-500..2_000_i64).prop_map(Step::Wait),
        30 => write().prop_map(Step::Write),
        25 => publish().prop_map(Step::Publish),
        17 => read().prop_map(Step::Read),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    let at = any::<Index>;
    let open = (0..3_u8, 0..2_u8, option::of(0..3_u8), by());
    let append = (
        at(),
        sender(),
        option::of(0..3_u8),
        body(),
        access_version(),
        by(),
    );
    let action = prop::sample::select(AuditedAction::ALL.to_vec());
    prop_oneof![
        4 => open.prop_map(|(c, a, b, by)| Write::Open(c, a, b, by)),
        16 => append.prop_map(|(at, from, key, body, access_version, by)| Write::Append(at, from, key, body, access_version, by)),
        10 => (at(), side(), at(), access_version(), by()).prop_map(|(at, s, m, g, by)| Write::MarkRead(at, s, m, g, by)),
        4 => (at(), change(), access_version(), by()).prop_map(|(at, change, g, by)| Write::Change(at, change, g, by)),
        1 => (0..4_u8, action, option::of(at())).prop_map(|(actor, action, at)| Write::Record(actor, action, at)),
    ]
}

fn publish() -> impl Strategy<Value = Publish> {
    let at = any::<Index>;

    prop_oneof![
        5 => (worker(), lease(), 0..4_usize).prop_map(|(by, lease, limit)| Publish::Claim(by, lease, limit)),
        5 => (lanes(), 0..5_usize).prop_map(|(lanes, per_lane)| Publish::Load(lanes, per_lane)),
        5 => (worker(), lanes(), 0..4_u64, lease()).prop_map(|(by, l, more, u)| Publish::Acknowledge(by, l, more, u)),
        3 => (worker(), lanes(), lease(), failure()).prop_map(|(by, l, u, why)| Publish::Delay(by, l, u, why)),
        3 => (worker(), at(), at()).prop_map(|(by, lane, entry)| Publish::DeadLetter(by, lane, entry)),
        3 => (at(), by()).prop_map(|(nth, by)| Publish::Requeue(nth, by)),
    ]
}

fn read() -> impl Strategy<Value = Read> {
    let at = any::<Index>;
    prop_oneof![
        6 => (scope(), from(), limit()).prop_map(|(scope, from, limit)| Read::List(scope, from, limit)),
        6 => (at(), direction(), limit()).prop_map(|(at, way, limit)| Read::History(at, way, limit)),
        3 => (at(), option::of(0..4_u8), 0..3_u8).prop_map(|(at, sender, key)| Read::Look(at, sender, key)),
        2 => (0..2_u8, option::of(at()), 0..4_usize).prop_map(|(agent, at, n)| Read::OfAgent(agent, at, n)),
    ]
}

fn by() -> impl Strategy<Value = Option<By>> {
    option::of((worker(), lease()))
}

fn worker() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(1), 1 => Just(2)]
}

fn lease() -> impl Strategy<Value = Duration> {
    (0..3_000_u64).prop_map(Duration::from_millis)
}

fn lanes() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..4)
}

/// Mostly the current access version.
fn access_version() -> impl Strategy<Value = u32> {
    prop_oneof![9 => Just(0), 1 => Just(1)]
}

fn side() -> impl Strategy<Value = Side> {
    prop::sample::select(Side::ALL.to_vec())
}

fn sender() -> impl Strategy<Value = Sender> {
    prop_oneof![
        4 => (side(), 0..4_u8).prop_map(|(side, n)| Sender::User(side, n)),
        1 => side().prop_map(|side| Sender::System(Recipients::Side(side))),
        1 => Just(Sender::System(Recipients::Both)),
    ]
}

fn body() -> impl Strategy<Value = Body> {
    let texts = [
        "a",
        "Is the hut open in May?\n\n🏔",
        "O'Hara \"%_\\ -- ; ?1 :a",
        "שלום",
    ];
    prop::sample::select(texts.to_vec()).prop_map(|text| Body::parse(text).unwrap())
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        side().prop_map(Change::Block),
        side().prop_map(Change::Unblock),
        Just(Change::Close),
        Just(Change::Reopen),
        (0..4_u8).prop_map(|n| Change::Reassign(user(n))),
        side().prop_map(Change::Erase),
        (0..3_u8)
            .prop_map(|n| Change::Unlink(messaging_core::BookingId::parse(format!("booking-{n}")).unwrap())),
    ]
}

fn failure() -> impl Strategy<Value = LaneFailure> {
    prop::sample::select(vec![
        LaneFailure::None,
        LaneFailure::Transport,
        LaneFailure::Refused,
    ])
}

fn scope() -> impl Strategy<Value = ListScope> {
    prop_oneof![
        (0..4_u8).prop_map(|n| ListScope::Client(user(n))),
        (0..2_u8, 0..4_u8).prop_map(|(agent, n)| ListScope::Agent {
            agent_id: agency(agent),
            user_id: user(n),
        }),
        (0..4_u8).prop_map(|n| ListScope::All(user(n))),
    ]
}

fn from() -> impl Strategy<Value = From> {
    prop_oneof![
        Just(From::Newest),
        (0..5_usize).prop_map(From::Skip),
        any::<Index>().prop_map(From::After),
    ]
}

fn direction() -> impl Strategy<Value = Direction> {
    let seq = || prop_oneof![9 => 0..12_u64, 1 => Just(u64::MAX)];
    prop_oneof![
        Just(Direction::Newest),
        seq().prop_map(Direction::Before),
        seq().prop_map(Direction::After),
    ]
}

fn limit() -> impl Strategy<Value = PageSize> {
    prop_oneof![4 => 1..5_usize, 1 => Just(100)].prop_map(|size| PageSize::new(size).unwrap())
}
