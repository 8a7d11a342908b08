//! Test values made from small numbers: the same number always gives the same value.
//!
//! The people are those of the example server: `client-1`, and `agent-1`, who answers for `agency-1`; booking
//! `booking-1-2` belongs to `client-1` and `agency-2`.

use std::time::Duration;

use messaging_core::{
    actor::{Actor, Role},
    domain::{
        body::Body,
        message::{IdempotencyKey, MessageExtras, NewMessage, Origin},
        opening::PreparedOpen,
        page::PageSize,
        scope::ListScope,
        side::{Recipients, Side},
    },
    id::{AgentId, BookingId, ConversationId, MessageId, UserId, WorkerId},
    store::Publisher,
    time::Timestamp,
};
use uuid::Uuid;

/// The client number `n`.
pub fn client(n: u64) -> Actor {
    Actor::new(client_id(n), Role::Client)
}

/// The user who answers for the agency number `n`, in the agent role.
pub fn agent(n: u64) -> Actor {
    let agent_id = agency_id(n);
    Actor::new(agent_user_id(n), Role::Agent { agent_id })
}

/// The admin number `n`.
pub fn admin(n: u64) -> Actor {
    Actor::new(admin_id(n), Role::Admin)
}

/// The id of [`client`] number `n`.
pub fn client_id(n: u64) -> UserId {
    user_id(format!("client-{n}"))
}

/// The user id of [`agent`] number `n`.
pub fn agent_user_id(n: u64) -> UserId {
    user_id(format!("agent-{n}"))
}

/// The id of [`admin`] number `n`.
pub fn admin_id(n: u64) -> UserId {
    user_id(format!("admin-{n}"))
}

/// The agency for which [`agent`] number `n` answers.
pub fn agency_id(n: u64) -> AgentId {
    agency(format!("agency-{n}"))
}

/// A booking of client number `client` with agency number `agency`.
pub fn booking_id(client: u64, agency: u64) -> BookingId {
    booking(format!("booking-{client}-{agency}"))
}

/// The booking with this id.
///
/// # Panics
/// If the text is not a valid booking id.
pub fn booking(id: impl AsRef<str>) -> BookingId {
    BookingId::parse(id).expect("a booking's id is short and printable")
}

/// The agency with this id.
///
/// # Panics
/// If the text is not a valid agent id.
pub fn agency(id: impl AsRef<str>) -> AgentId {
    AgentId::parse(id).expect("an agent's id is short and printable")
}

/// The user with this id.
///
/// # Panics
/// If the text is not a valid user id.
pub fn user_id(id: impl AsRef<str>) -> UserId {
    UserId::parse(id).expect("a user's id is short and printable")
}

/// The conversation id number `n`. Ids are in the order of their numbers.
pub fn conversation_id(n: u64) -> ConversationId {
    ConversationId::new(uuid(1, n))
}

/// The message id number `n`.
pub fn message_id(n: u64) -> MessageId {
    MessageId::new(uuid(2, n))
}

/// The worker id number `n`.
pub fn worker_id(n: u64) -> WorkerId {
    WorkerId::new(uuid(3, n))
}

/// A UUIDv7 that sorts by (`kind`, `n`).
pub fn uuid(kind: u16, n: u64) -> Uuid {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    // The first two bits of this byte are the UUID variant.
    random[2] &= 0x3f;
    uuid::Builder::from_unix_timestamp_millis(START.unsigned_abs() + u64::from(kind), &random).into_uuid()
}

/// 2026-01-01T00:00:00Z, in milliseconds.
const START: i64 = 1_767_225_600_000;

/// The point `seconds` after 2026-01-01T00:00:00Z, or before it if negative.
pub const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1_000)
}

/// A duration of that many seconds.
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A plan that opens the conversation of a client and an agency, without a booking: number
/// `1000 * client + agency`, at [`at`]`(0)`.
pub fn plan(client: u64, agency: u64) -> PreparedOpen {
    PreparedOpen::new(
        conversation_id(1_000 * client + agency),
        client_id(client),
        agency_id(agency),
        agent_user_id(agency),
        at(0),
    )
}

/// Message number `n` from a side, without a key, at [`at`]`(n)`.
pub fn message(n: u32, side: Side, user_id: &UserId) -> NewMessage {
    NewMessage::new(
        message_id(u64::from(n)),
        Origin::user(side, user_id.clone()),
        body(format!("message {n}")),
        at(i64::from(n)),
    )
}

/// Message number `n` from the system, without a key, at [`at`]`(n)`.
pub fn system_message(n: u32, to: Recipients) -> NewMessage {
    NewMessage::new(
        message_id(u64::from(n)),
        Origin::system(to),
        body(format!("message {n}")),
        at(i64::from(n)),
    )
}

/// A message body.
///
/// # Panics
/// If the text is not a valid body.
pub fn body(text: impl AsRef<str>) -> Body {
    Body::parse(text.as_ref()).expect("a body is visible and short")
}

/// Extras of a message, which the store does not interpret.
pub fn extras(text: impl Into<String>) -> MessageExtras {
    MessageExtras::from_stored(text.into())
}

/// An idempotency key.
///
/// # Panics
/// If the text is not a valid key.
pub fn key(key: impl AsRef<str>) -> IdempotencyKey {
    IdempotencyKey::parse(key).expect("a key is short and visible")
}

/// A page size.
///
/// # Panics
/// If the size is not 1 to 100.
pub fn limit(size: usize) -> PageSize {
    PageSize::new(size).expect("a page size is 1 to 100")
}

/// Worker number `n` as a publisher; its lease of new lanes lasts until `lease_until`.
pub fn worker(n: u64, lease_until: Timestamp) -> Publisher {
    let id = worker_id(n);
    Publisher::Worker { id, lease_until }
}

/// The scope of [`client`] number `n`.
pub fn client_scope(n: u64) -> ListScope {
    ListScope::Client(client_id(n))
}

/// The scope of [`agent`] number `n`.
pub fn agent_scope(n: u64) -> ListScope {
    ListScope::Agent {
        agent_id: agency_id(n),
        user_id: agent_user_id(n),
    }
}

/// The scope of [`admin`] number `n`.
pub fn admin_scope(n: u64) -> ListScope {
    ListScope::All(admin_id(n))
}
