use super::Operations;
use crate::{
    error::Error,
    id::ConversationId,
    store::{DeadLetter, DeadLetterPosition, Requeue, Requeued},
};

impl Operations<'_> {
    /// The most dead letters that are listed at once.
    pub const MAX_DEAD_LETTERS: usize = 1_000;

    /// Events that the transport refused for good, ordered by [position](DeadLetter::position), oldest first: those after
    /// `after`, or from the first one on; at most `limit`, and at most [`MAX_DEAD_LETTERS`](Self::MAX_DEAD_LETTERS). A walk
    /// that continues after the last one listed visits all of them, also when some are requeued meanwhile.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store is.
    pub async fn list_dead_letters(
        self,
        after: Option<&DeadLetterPosition>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        let limit = limit.min(Self::MAX_DEAD_LETTERS);
        let listed = self.messaging.store().list_dead_letters(after, limit).await;
        listed.map_err(|error| Error::store(error, "listing dead letters"))
    }

    /// Publishes an event that is a dead letter under this number, as the newest of its conversation.
    /// Who has it already, or something newer, takes it for a repetition: a message is known by its id, a count
    /// by its version. An event that is refused again becomes a dead letter again, under its new number. `false` when it is
    /// no dead letter, or not any more.
    ///
    /// For operators: no actor is asked for. This process publishes it at once if it has workers at work; else
    /// whichever has finds it.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable): nothing has changed, try again later.
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): repeat it; `false` then says that it had been done,
    /// or that it never was to be.
    pub async fn requeue(self, conversation_id: ConversationId, number: u64) -> Result<bool, Error> {
        let step = Requeue {
            conversation_id,
            number,
            now: self.messaging.now(),
            publisher: self.messaging.publisher(),
        };
        let requeued = self.messaging.store().requeue(&step).await;
        match requeued.map_err(|error| Error::store(error, "requeueing an event"))? {
            Requeued::Done(entry) => {
                self.messaging.hand_over(entry.lane);
                Ok(true)
            }
            Requeued::NotFound => Ok(false),
        }
    }
}
