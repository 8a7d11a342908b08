use super::Messaging;
use crate::{
    error::Error,
    id::ConversationId,
    port::{
        directory::Profiles,
        store::{Requeue, Requeued, SetAside, SetAsidePlace, StoreError},
    },
};

impl Messaging {
    /// The most events set aside that are listed at once.
    pub const MAX_SET_ASIDE: usize = 1_000;

    /// Events that the transport refused for good, the oldest first, at most that many and at most
    /// [`MAX_SET_ASIDE`](Self::MAX_SET_ASIDE). For operators: no actor is asked for.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store is.
    pub async fn list_set_aside(&self, limit: usize) -> Result<Vec<SetAside>, Error> {
        listed(self.store().list_set_aside(limit.min(Self::MAX_SET_ASIDE)).await)
    }

    /// The same, of those that come after a [place](SetAside::place): going on behind the last one until
    /// nothing is listed visits all of them, also when some are requeued on the way.
    ///
    /// # Errors
    /// Those of [`list_set_aside`](Self::list_set_aside).
    pub async fn list_set_aside_after(
        &self,
        place: &SetAsidePlace,
        limit: usize,
    ) -> Result<Vec<SetAside>, Error> {
        let limit = limit.min(Self::MAX_SET_ASIDE);
        listed(self.store().list_set_aside_after(place, limit).await)
    }

    /// Publishes an event after all that was set aside under this number: as the newest of its conversation.
    /// Who has it already, or something newer, takes it for a repetition: a message is known by its id, a count
    /// by its version. One that is refused again is set aside again, under its new number. `false` when it is
    /// not set aside, or not any more.
    ///
    /// For operators: no actor is asked for. This process publishes it at once if it has workers at work; else
    /// whichever has finds it.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable): nothing has changed, try again later.
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): repeat it; `false` then says that it had been done,
    /// or that it never was to be.
    pub async fn requeue(&self, conversation_id: ConversationId, number: u64) -> Result<bool, Error> {
        let step = Requeue {
            conversation_id,
            number,
            now: self.now(),
            publisher: self.publisher(),
        };
        let requeued = self.store().requeue(&step).await;
        match requeued.map_err(|error| Error::store(error, "requeueing an event"))? {
            Requeued::Done { lane } => {
                self.hand_over(lane, None, Profiles::default());
                Ok(true)
            }
            Requeued::NotSetAside => Ok(false),
        }
    }
}

fn listed(answer: Result<Vec<SetAside>, StoreError>) -> Result<Vec<SetAside>, Error> {
    answer.map_err(|error| Error::store(error, "listing events set aside"))
}
