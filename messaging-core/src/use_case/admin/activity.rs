use tracing::instrument;

use super::Admin;
use crate::{
    domain::activity::Activity,
    error::Error,
    policy::Action,
    store::{ActivityScan, AuditedAction, Capability},
    use_case::require,
};

const COUNTING: &str = "counting activity";

impl Admin<'_> {
    /// How much goes on in each of some hours or days, in all conversations or those of one agent. For admins; audited.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) unless the actor is an admin;
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %self.actor.user_id()))]
    pub async fn count_activity(self, scan: &ActivityScan) -> Result<Vec<Activity>, Error> {
        self.messaging
            .decide(self.actor, Action::ReadActivity, None, COUNTING)
            .await?;
        self.messaging
            .audit(self.actor, AuditedAction::ReadActivity, None)
            .await?;
        let store = require(Capability::Activity, self.messaging.store().activity(), COUNTING)?;
        let counted = store.count_activity(scan).await;
        counted.map_err(|error| Error::store(error, COUNTING))
    }
}
