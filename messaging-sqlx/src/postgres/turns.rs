//! Steps of one conversation, one after the other, and how many of all steps wait for a locked row.
//!
//! Each step locks its conversation's row, so the database takes those of one conversation one by one in any case. Where
//! another transaction keeps the row locked, all that wait in the database have a connection each, and soon there is none
//! left for anything else. So they wait here, and one of them waits there.
//!
//! The same holds for many locked conversations with a step each. A step waits for its row for a moment
//! ([`LockWait::Brief`]); after that, only as one of a few ([`Turns::permit`]).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use messaging_core::id::{AgentId, ConversationId, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// What a step locks, as far as the step can say it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Target {
    Conversation(ConversationId),
    /// The conversation of a pair, whose id is not known before the step.
    Pair(UserId, AgentId),
}

impl From<ConversationId> for Target {
    fn from(id: ConversationId) -> Self {
        Self::Conversation(id)
    }
}

/// The targets of which a step is under way, with the steps that wait for it.
#[derive(Debug)]
pub(super) struct Turns {
    lines: Mutex<HashMap<Target, Arc<Semaphore>>>,
    /// One permit for each step that may wait for a locked row at the same time: it has a connection meanwhile.
    waiters: Semaphore,
}

/// Of how many connections one may wait for a locked row, and how many at most.
const CONNECTIONS_PER_WAITER: u32 = 3;
const MAX_WAITERS: u32 = 4;

/// How long a statement waits for a row that another transaction has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockWait {
    /// For so long; then it fails.
    Brief(Duration),
    /// As long as its session waits for a lock. Needs a [permit](Turns::permit).
    Full,
}

/// As long as a commit under load takes.
const BRIEF: Duration = Duration::from_millis(50);

impl LockWait {
    /// A moment, and not longer than the time limit for locks.
    pub(super) fn brief(lock_timeout: Duration) -> Self {
        Self::Brief(BRIEF.min(lock_timeout))
    }

    /// The argument of [`waits!`], in milliseconds: null where the setting stays.
    pub(super) fn setting(self) -> Option<String> {
        match self {
            Self::Brief(limit) => Some(limit.as_millis().max(1).to_string()),
            Self::Full => None,
        }
    }
}

/// A condition that is true, and sets how long its statement waits for a lock. `$wait` is [`LockWait::setting`]. It is
/// evaluated once, before the first row is locked, and the setting ends with the statement's transaction.
macro_rules! waits {
    ($wait:literal) => {
        concat!(
            "(SELECT set_config('lock_timeout', COALESCE(",
            $wait,
            ", current_setting('lock_timeout')), true)) IS NOT NULL"
        )
    };
}
pub(super) use waits;

/// As long as this lives, no other step of its target is under way in this store.
#[must_use = "the turn is over when this is dropped"]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    of: Target,
    /// `None` before it has come.
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// For a store with so many connections.
    pub(super) fn new(connections: u32) -> Self {
        let waiters = (connections / CONNECTIONS_PER_WAITER).clamp(1, MAX_WAITERS);
        Self {
            lines: Mutex::default(),
            waiters: Semaphore::new(waiters as usize),
        }
    }

    /// Waits until a step may wait for a locked row. Cancel-safe. `None` never comes: nothing closes the semaphore.
    pub(super) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        self.waiters.acquire().await.ok()
    }

    /// Waits for the steps of a target that came before. Cancel-safe.
    pub(super) async fn wait(&self, of: impl Into<Target>) -> Turn<'_> {
        let of = of.into();
        let line = Arc::clone(
            self.lock()
                .entry(of.clone())
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

    fn lock(&self) -> MutexGuard<'_, HashMap<Target, Arc<Semaphore>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
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
        let turns = Turns::new(1);
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
        let turns = Turns::new(1);
        let first = turns.wait(conversation_id(1)).await;
        let mut second = Box::pin(turns.wait(conversation_id(1)));
        assert!(poll!(&mut second).is_pending());
        drop(second);
        drop(first);
        assert!(turns.lock().is_empty());
    }
}
