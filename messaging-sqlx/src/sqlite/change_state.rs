use messaging_core::{
    domain::change::Change,
    store::{ChangeState, Changed, EntryKind},
};
use sqlx::{Error, SqliteConnection};

use super::{conversation_rows, lanes::Event, open, writer::Step};

impl Step for ChangeState {
    type Answer = Changed;
    const DOING: &'static str = "changing a conversation";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<Changed, Error> {
        let id = self.conversation_id;
        let found = conversation_rows::find(tx, id).await?;
        let Some(mut conversation) = found.filter(|found| found.access_version == self.access_version) else {
            return Ok(Changed::Conflict);
        };
        let is_news = match &self.change {
            Change::Unlink(booking) => open::unlink(tx, id, booking).await?,
            _ => self.after != conversation.access_state(),
        };
        if !is_news {
            return Ok(Changed::AlreadySo);
        }
        conversation.set_access(&self.after);
        if let Some(side) = self.not_due {
            conversation.digests.of_mut(side).due_at = None;
        }
        conversation_rows::save(tx, &conversation).await?;
        let event = Event {
            of: id,
            kind: EntryKind::Updated,
            at: self.now,
            now: self.now,
            publisher: self.publisher,
            lost_access: self.lost_access,
        };
        let entry = event.commit(tx).await?;
        Ok(Changed::Done(entry))
    }
}
