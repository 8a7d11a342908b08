use tracing::instrument;

use super::Messaging;
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
        let failed = |error| Error::store(error, COUNTING);
        let store = Capability::Activity.require(self.store().activity(), COUNTING);
        store.map_err(failed)?.count_activity(scan).await.map_err(failed)
    }
}
