//! Values for steps, and an example of each kind of step.

use std::time::Duration;

use messaging_core::{
    domain::{
        body::Body,
        change::Change,
        message::{IdempotencyKey, NewMessage, Origin},
        opening::PreparedOpen,
        side::{Recipients, Side},
    },
    id::{AgentId, AuditId, BookingId, ConversationId, MessageId, UserId, WorkerId},
    store::{
        Append, Appended, AuditRecord, AuditStore as _, AuditedAction, ChangeState, Claim,
        ConversationStore as _, MarkRead, OutboxStore as _, Publisher, Stored,
    },
    time::Timestamp,
};
use messaging_sqlx::SqliteStore;
use uuid::Uuid;

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000) + Duration::from_secs(seconds)
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub(crate) fn conversation(n: u128) -> ConversationId {
    ConversationId::new(Uuid::from_u128(n))
}

pub(crate) fn message(n: u128) -> MessageId {
    MessageId::new(Uuid::from_u128(n))
}

pub(crate) fn worker(n: u128) -> WorkerId {
    WorkerId::new(Uuid::from_u128(n))
}

/// A step that opens conversation `n`, between client `n` and the only agent.
pub(crate) fn plan(n: u128) -> PreparedOpen {
    PreparedOpen::new(
        conversation(n),
        user(&format!("client-{n}")),
        AgentId::parse("agency").unwrap(),
        user("agent"),
        at(0),
    )
    .with_booking_id(Some(BookingId::parse(format!("booking-{n}")).unwrap()))
}

/// A step that sends message `id` to conversation `n`, from its client, under a key of its own.
pub(crate) fn append(n: u128, id: u128) -> Append {
    let origin = Origin::user(Side::Client, user(&format!("client-{n}")));
    Append::new(
        conversation(n),
        0,
        NewMessage::new(
            message(id),
            origin,
            Body::parse("Is the hut open in May? 🏔").unwrap(),
            at(1),
        )
        .with_idempotency_key(Some(IdempotencyKey::parse(id.to_string()).unwrap())),
        Publisher::Anyone,
    )
}

pub(crate) fn stored(appended: Appended) -> Stored {
    match appended {
        Appended::Stored(stored) => stored,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn mark_read(n: u128, up_to: u128) -> MarkRead {
    MarkRead::new(
        conversation(n),
        0,
        Side::Agent,
        message(up_to),
        at(2),
        Publisher::Anyone,
    )
}

/// Opens two conversations, and applies a step of every kind to them.
pub(crate) async fn run_all_steps(store: &SqliteStore) {
    store.open(&plan(1), Publisher::Anyone).await.unwrap();
    store.open(&plan(2), Publisher::Anyone).await.unwrap();
    for id in 10..15 {
        stored(store.append(&append(1, id)).await.unwrap());
    }
    let mut news = append(2, 20);
    news.message.origin = Origin::system(Recipients::Both);
    stored(store.append(&news).await.unwrap());
    store.mark_read(&mark_read(1, 12)).await.unwrap();
    let found = store
        .find_conversation(conversation(2).into())
        .await
        .unwrap()
        .unwrap();
    let block = ChangeState::new(&found, Change::Block(Side::Agent), at(3), Publisher::Anyone);
    store.change_state(&block).await.unwrap();
    let record = AuditRecord::new(
        AuditId::new(Uuid::from_u128(30)),
        at(4),
        user("admin"),
        AuditedAction::ReadHistory,
    )
    .with_conversation_id(Some(conversation(1)));
    store.record_access(&record).await.unwrap();

    let lanes = store
        .claim_lanes(&Claim::new(worker(1), at(5), at(15), 1))
        .await
        .unwrap();
    let entry = &store.load_entries(&lanes, 1).await.unwrap()[0].entry;
    let refusal = store
        .dead_letter(worker(1), &lanes[0], entry, "too large", at(6))
        .await;
    refusal.unwrap();
}
