//! Steps of one conversation, one after the other.
//!
//! Each of them locks the conversation's row, so the database takes them one by one in any case. Where another
//! transaction keeps the row locked, all that wait in the database have a connection each, and soon there is none left
//! for anything else. So they wait here, and one of them waits there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use messaging_core::id::ConversationId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The conversations of which a step is under way, with who waits for it.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<ConversationId, Arc<Semaphore>>>);

/// As long as this lives, no other step of its conversation is under way in this store.
#[must_use = "the turn is over when this is dropped"]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    of: ConversationId,
    /// `None` before it has come.
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Waits for the steps of a conversation that came before. Cancel-safe.
    pub(super) async fn wait(&self, of: ConversationId) -> Turn<'_> {
        let line = Arc::clone(
            self.lock()
                .entry(of)
                .or_insert_with(|| Arc::new(Semaphore::new(1))),
        );
        let mut turn = Turn {
            turns: self,
            of,
            permit: None,
        };
        // Only a closed semaphore fails, and nothing closes this one.
        turn.permit = line.acquire_owned().await.ok();
        turn
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    /// The last one out of a line takes the line away.
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut lines = self.turns.lock();
        // Whoever waits holds the line, too; and nobody joins while the map is locked.
        if lines
            .get(&self.of)
            .is_some_and(|line| Arc::strong_count(line) == 1)
        {
            lines.remove(&self.of);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use messaging_testkit::make::conversation_id;

    use super::*;

    #[tokio::test]
    async fn steps_of_one_conversation_take_turns_and_those_of_others_do_not_wait() {
        let turns = Turns::default();
        let first = turns.wait(conversation_id(1)).await;
        let mut second = Box::pin(turns.wait(conversation_id(1)));
        let mut third = Box::pin(turns.wait(conversation_id(1)));
        assert!(poll!(&mut second).is_pending() && poll!(&mut third).is_pending());
        drop(turns.wait(conversation_id(2)).await);
        drop(first);
        assert!(poll!(&mut third).is_pending(), "the second comes first");
        drop(second.await);
        drop(third.await);
        assert!(turns.lock().is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing_behind() {
        let turns = Turns::default();
        let first = turns.wait(conversation_id(1)).await;
        let mut second = Box::pin(turns.wait(conversation_id(1)));
        assert!(poll!(&mut second).is_pending());
        drop(second);
        drop(first);
        assert!(turns.lock().is_empty());
    }
}
