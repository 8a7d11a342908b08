use tracing::instrument;

use super::{Messaging, require};
use crate::{
    actor::Actor,
    domain::activity::Activity,
    error::Error,
    policy::Action,
    store::{ActivityScan, AuditedAction, Capability},
};

const COUNTING: &str = "counting activity";

impl Messaging {
    /// How much goes on in each of some hours or days, in all conversations or those of one agent. For admins; audited.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) unless the actor is an admin;
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id()))]
    pub async fn count_activity(&self, actor: &Actor, scan: &ActivityScan) -> Result<Vec<Activity>, Error> {
        self.decide(actor, Action::ReadActivity, None, COUNTING).await?;
        self.audit(actor, AuditedAction::ReadActivity, None).await?;
        let store = require(Capability::Activity, self.store().activity(), COUNTING)?;
        let counted = store.count_activity(scan).await;
        counted.map_err(|error| Error::store(error, COUNTING))
    }
}
