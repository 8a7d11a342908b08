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

/// Whether an admitted call was counted, so that its place can be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Yes,
    /// The limiter gave no answer.
    No,
}

impl Messaging {
    /// Counts what an actor is about to do, before anything is looked up for it. Without an answer of the limiter the actor
    /// is admitted.
    pub(super) async fn admit(
        &self,
        actor: &Actor,
        what: Limited,
        doing: &'static str,
    ) -> Result<Counted, Error> {
        match self.0.host.admit(actor.user_id(), what).await {
            Some(Admission::Admitted) => Ok(Counted::Yes),
            None => Ok(Counted::No),
            Some(Admission::Refused { retry_after }) => {
                telemetry::rate_limited(what.into());
                Err(Error::new(ErrorKind::RateLimited { retry_after }, doing))
            }
        }
    }

    /// Whether the actor may have one more repeat looked up. A refusal is not counted as a refused request: the send is.
    pub(super) async fn admits_repeat(&self, actor: &Actor) -> bool {
        let admission = self.0.host.admit(actor.user_id(), Limited::Repeat).await;
        !matches!(admission, Some(Admission::Refused { .. }))
    }

    /// Gives the place of a send back that stored nothing, as far as the limit of repeats allows.
    pub(super) async fn give_back_repeat(&self, actor: &Actor) {
        if self.admits_repeat(actor).await {
            self.0.host.give_back(actor.user_id(), Limited::Send).await;
        }
    }
}
