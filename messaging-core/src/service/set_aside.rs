use super::Messaging;
use crate::{
    error::Error,
    id::ConversationId,
    port::{
        directory::Profiles,
        store::{Requeue, Requeued, SetAside},
    },
};

impl Messaging {
    /// Events that the transport refused for good, the oldest first, at most that many. For operators: no actor
    /// is asked for.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store is.
    pub async fn list_set_aside(&self, limit: usize) -> Result<Vec<SetAside>, Error> {
        let listed = self.store().list_set_aside(limit).await;
        listed.map_err(|error| Error::store(error, "listing events set aside"))
    }

    /// Publishes an event after all that was set aside under this number: as the newest of its conversation,
    /// which clients take for a repetition. `false` when it is not set aside, or not any more.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable);
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown), upon which repeating it is harmless.
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
