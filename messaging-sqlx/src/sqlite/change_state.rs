use messaging_core::store::{ChangeState, Changed, EntryKind};
use sqlx::{Error, SqliteConnection};

use super::{conversations, lanes::Event, writer::Step};

impl Step for ChangeState {
    type Answer = Changed;
    const DOING: &'static str = "changing a conversation";

    async fn take(self, tx: &mut SqliteConnection) -> Result<Changed, Error> {
        let id = self.conversation_id;
        let found = conversations::find(tx, id).await?;
        let Some(mut conversation) = found.filter(|found| found.access_version == self.access_version) else {
            return Ok(Changed::Conflict);
        };
        let lost_access = conversation.loses_access(&self.change).cloned();
        if !conversation.apply(&self.change) {
            return Ok(Changed::AlreadySo);
        }
        conversations::save(tx, &conversation).await?;
        let event = Event {
            of: id,
            kind: EntryKind::Updated,
            at: self.now,
            now: self.now,
            publisher: self.publisher,
            lost_access,
        };
        let lane = event.commit(tx).await?;
        Ok(Changed::Done { lane })
    }
}
