//! The rate limits of a person: counted before anything is looked up, and given back where a send repeats an earlier one.
//!
//! A repeat stores nothing and gets the answer of the first send. It gives its place among the sends back and takes one
//! among the repeats instead, which are limited as well: each costs a look-up. A repeat beyond that limit counts as a send.

use super::Messaging;
use crate::{
    actor::Actor,
    error::{Error, ErrorKind},
    host::rate_limit::{Admission, Limited},
    telemetry,
};

impl Messaging {
    /// Counts what an actor is about to do, before anything is looked up for it. Without an answer of the limiter the actor
    /// is admitted.
    pub(super) async fn admit(&self, actor: &Actor, what: Limited, doing: &'static str) -> Result<(), Error> {
        match self.0.host.admit(actor.user_id(), what).await {
            Admission::Admitted => Ok(()),
            Admission::Refused { retry_after } => {
                telemetry::rate_limited(what.into());
                Err(Error::new(ErrorKind::RateLimited { retry_after }, doing))
            }
        }
    }

    /// Whether the actor may have one more repeat looked up.
    pub(super) async fn admits_repeat(&self, actor: &Actor) -> bool {
        self.admit(actor, Limited::Repeat, "repeating a send")
            .await
            .is_ok()
    }

    /// Gives the place of a send back that stored nothing, as far as the limit of repeats allows.
    pub(super) async fn give_back_repeat(&self, actor: &Actor) {
        if self.admits_repeat(actor).await {
            self.0.host.give_back(actor.user_id(), Limited::Send).await;
        }
    }
}
