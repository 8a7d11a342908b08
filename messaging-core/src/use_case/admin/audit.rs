use tracing::instrument;

use super::Admin;
use crate::{
    domain::{cursor::AuditCursor, page::PageSize},
    error::Error,
    host::directory::{ProfileQuery, Profiles},
    policy::Action,
    store::{AuditRecord, AuditedAction},
};

const READING: &str = "reading the audit log";

/// A page of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditLog {
    /// What admins looked at and did, the newest first.
    pub records: Vec<AuditRecord>,
    /// The names of those in it.
    pub profiles: Profiles,
    /// Whether more follow.
    pub has_more: bool,
    /// Where it continues; `None` at the end.
    pub next_cursor: Option<AuditCursor>,
}

impl Admin<'_> {
    /// A page of what admins looked at and did, the newest first, from behind a cursor or (`None`) from the newest
    /// on. For admins; this reading is in the log, too, and on its own first page.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) unless the actor is an admin;
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %self.actor.user_id()))]
    pub async fn read_audit(self, from: Option<AuditCursor>, limit: PageSize) -> Result<AuditLog, Error> {
        self.messaging
            .decide(self.actor, Action::ReadAudit, None, READING)
            .await?;
        self.messaging
            .audit(self.actor, AuditedAction::ReadAudit, None)
            .await?;
        let before = from.map(AuditCursor::id);
        let listed = self
            .messaging
            .audit_log(READING)?
            .list_accesses(before, limit.get() + 1)
            .await;
        let mut records = listed.map_err(|error| Error::store(error, READING))?;
        let has_more = records.len() > limit.get();
        records.truncate(limit.get());
        let mut query = ProfileQuery::default();
        query
            .users
            .extend(records.iter().map(|record| record.actor_id.clone()));
        Ok(AuditLog {
            profiles: self.messaging.profiles(&query).await,
            next_cursor: records
                .last()
                .filter(|_| has_more)
                .map(|last| AuditCursor::new(last.id)),
            has_more,
            records,
        })
    }
}
