use messaging_core::{
    domain::{conversation::Conversation, opening::PreparedOpen},
    id::{BookingId, ConversationId},
    store::{EntryKind, Opened, Publisher},
};
use sqlx::{Error, SqliteConnection};
use uuid::Uuid;

use super::{conversation_rows, lanes::Event, writer::Step};

/// The step that opens a conversation.
pub(super) struct Open {
    pub(super) plan: PreparedOpen,
    pub(super) publisher: Publisher,
}

impl Step for Open {
    type Answer = Opened;
    const DOING: &'static str = "opening a conversation";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<Opened, Error> {
        let Self { plan, publisher } = self;
        let existing = find_pair(tx, &plan).await?;
        let created = existing.is_none();
        let id = existing.unwrap_or(plan.id);
        if created {
            insert(tx, &Conversation::new(&plan)).await?;
        }
        let linked = match &plan.booking_id {
            Some(booking) => link(tx, id, booking).await?,
            None => false,
        };

        if linked && !created {
            raise_access_version(tx, id).await?;
        }
        let entry = if created || linked {
            let event = Event {
                of: id,
                kind: EntryKind::Updated,
                at: plan.now,
                now: plan.now,
                publisher,
                lost_access: None,
            };
            Some(event.commit(tx).await?)
        } else {
            None
        };
        Ok(Opened::new(id).with_created(created).with_entry(entry))
    }
}

pub(super) const FIND_PAIR: &str = "SELECT id FROM conversation WHERE client_id = ? AND agent_id = ?";
pub(super) const INSERT: &str = "INSERT INTO conversation (id, client_id, agent_id, agent_user_id, access_version,
    blocked_by, closed, last_seq, client_received, client_read, client_read_seq, client_read_at, client_mailed,
    client_due_at, agent_received, agent_read, agent_read_seq, agent_read_at, agent_mailed, agent_due_at, created_at,
    activity_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// The position follows those of the conversation's links and those of the booking's.
pub(super) const LINK: &str = "INSERT INTO booking_link (conversation_id, position, booking_id)
    SELECT ?1, COALESCE(MAX(position), 0) + 1, ?2 FROM (
        SELECT MAX(position) AS position FROM booking_link WHERE conversation_id = ?1
        UNION ALL SELECT MAX(position) FROM booking_link WHERE booking_id = ?2) WHERE true
    ON CONFLICT (conversation_id, booking_id) DO NOTHING";
pub(super) const UNLINK: &str = "DELETE FROM booking_link WHERE conversation_id = ? AND booking_id = ?";
pub(super) const RAISE_ACCESS_VERSION: &str =
    "UPDATE conversation SET access_version = access_version + 1 WHERE id = ?";

async fn find_pair(tx: &mut SqliteConnection, plan: &PreparedOpen) -> Result<Option<ConversationId>, Error> {
    let id: Option<Uuid> = sqlx::query_scalar(FIND_PAIR)
        .bind(plan.client_id.as_str())
        .bind(plan.agent_id.as_str())
        .fetch_optional(tx)
        .await?;
    Ok(id.map(ConversationId::new))
}

async fn insert(tx: &mut SqliteConnection, new: &Conversation) -> Result<(), Error> {
    let insert = sqlx::query(INSERT)
        .bind(new.id.as_uuid())
        .bind(new.client_id.as_str())
        .bind(new.agent_id.as_str());
    conversation_rows::bind_state(insert, new)
        .bind(new.created_at.as_millis())
        .bind(new.activity_at.as_millis())
        .execute(tx)
        .await?;
    Ok(())
}

/// Unlinks a booking; returns whether it was linked.
pub(super) async fn unlink(
    tx: &mut SqliteConnection,
    id: ConversationId,
    booking: &BookingId,
) -> Result<bool, Error> {
    let done = sqlx::query(UNLINK)
        .bind(id.as_uuid())
        .bind(booking.as_str())
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

async fn raise_access_version(tx: &mut SqliteConnection, id: ConversationId) -> Result<(), Error> {
    sqlx::query(RAISE_ACCESS_VERSION)
        .bind(id.as_uuid())
        .execute(tx)
        .await?;
    Ok(())
}

/// Links a booking; returns whether it was not linked before.
async fn link(tx: &mut SqliteConnection, id: ConversationId, booking: &BookingId) -> Result<bool, Error> {
    let done = sqlx::query(LINK)
        .bind(id.as_uuid())
        .bind(booking.as_str())
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}
