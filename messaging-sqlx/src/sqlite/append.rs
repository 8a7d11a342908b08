use messaging_core::{
    domain::message::{IdempotencyKey, Message, MessageExtras},
    store::{Append, Appended, EntryKind, Stored},
};
use sqlx::{Error, SqliteConnection};

use super::{conversation_rows, history, lanes::Event, writer::Step};
use crate::codes::{number, origin_code, sender_code, sides_code};

impl Step for Append {
    type Answer = Appended;
    const DOING: &'static str = "appending a message";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<Appended, Error> {
        let id = self.conversation_id;
        let Some(mut conversation) = conversation_rows::find(tx, id).await? else {
            return Ok(Appended::Conflict);
        };
        if let Some(key) = &self.message.idempotency_key {
            let sender = self.message.origin.sender();
            if let Some(seen) = history::sent(tx, id, sender, key).await? {
                return Ok(Appended::Duplicate(seen));
            }
        }
        if conversation.access_version != self.access_version {
            return Ok(Appended::Conflict);
        }
        let message = conversation.append(&self.message);
        conversation_rows::save(tx, &conversation).await?;
        insert(tx, &message).await?;

        let event = Event {
            of: id,
            kind: EntryKind::Message { seq: message.seq },
            at: message.created_at,
            now: self.message.now,
            publisher: self.publisher,
            lost_access: None,
        };
        let entry = event.commit(tx).await?;
        Ok(Appended::Stored(Stored::new(message, conversation, entry)))
    }
}

pub(super) const INSERT: &str =
    "INSERT INTO message (conversation_id, seq, id, from_side, to_sides, sender_id,
    idempotency_key, body, extras, created_at, client_position, agent_position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

async fn insert(tx: &mut SqliteConnection, message: &Message) -> Result<(), Error> {
    sqlx::query(INSERT)
        .bind(message.conversation_id.as_uuid())
        .bind(number(message.seq))
        .bind(message.id.as_uuid())
        .bind(origin_code(&message.origin))
        .bind(sides_code(|side| message.origin.addresses(side)))
        .bind(sender_code(message.origin.sender()))
        .bind(message.idempotency_key.as_ref().map(IdempotencyKey::as_str))
        .bind(message.body.stored_text())
        .bind(message.extras.as_ref().map(MessageExtras::as_str))
        .bind(message.created_at.as_millis())
        .bind(number(message.positions.client))
        .bind(number(message.positions.agent))
        .execute(tx)
        .await?;
    Ok(())
}
