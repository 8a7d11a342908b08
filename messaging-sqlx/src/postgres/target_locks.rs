//! Serialisation of steps per conversation, and a limit on steps that wait for a locked row.
//!
//! Each step locks its conversation's row, so the database executes the steps of one conversation one by one in
//! any case. While another transaction keeps the row locked, each step that waits in the database occupies a
//! connection, and soon none is left for other work. Therefore steps wait in the process, and one of them waits
//! in the database.
//!
//! The same holds for many locked conversations with a step each. A step first waits for its row briefly
//! ([`LockWait::Brief`]), and after that only with one of a few permits ([`TargetLocks::permit`]).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use messaging_core::id::{AgentId, ConversationId, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// The row that a step locks, as far as it is known before the step.
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

/// The targets that have a step in progress, with the steps that wait for it.
#[derive(Debug)]
pub(super) struct TargetLocks {
    semaphores: Mutex<HashMap<Target, Arc<Semaphore>>>,
    /// One permit for each step that may wait for a locked row: each occupies a connection meanwhile.
    waiters: Semaphore,
}

/// The share of connections that may wait for a locked row (one in three), and their maximum number.
const CONNECTIONS_PER_WAITER: u32 = 3;
const MAX_WAITERS: u32 = 4;

/// How long a statement waits for a row that another transaction has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockWait {
    /// For the given time; then it fails.
    Brief(Duration),
    /// For the session's lock timeout. Requires a [permit](TargetLocks::permit).
    Full,
}

/// About as long as a commit under load takes.
const BRIEF: Duration = Duration::from_millis(50);

impl LockWait {
    /// A brief wait, not longer than the lock timeout.
    pub(super) fn brief(lock_timeout: Duration) -> Self {
        Self::Brief(BRIEF.min(lock_timeout))
    }

    /// Returns the argument of [`set_lock_timeout!`], in milliseconds: null to keep the session's setting.
    pub(super) fn setting(self) -> Option<String> {
        match self {
            Self::Brief(limit) => Some(limit.as_millis().max(1).to_string()),
            Self::Full => None,
        }
    }
}

/// A true condition that sets its statement's lock timeout to `$wait`, a [`LockWait::setting`]. It is evaluated
/// once, before the first row is locked, and the setting ends with the statement's transaction.
macro_rules! set_lock_timeout {
    ($wait:literal) => {
        concat!(
            "(SELECT set_config('lock_timeout', COALESCE(",
            $wait,
            ", current_setting('lock_timeout')), true)) IS NOT NULL"
        )
    };
}
pub(super) use set_lock_timeout;

/// The exclusive right of one step to its target in this store, until dropped.
#[must_use = "the target is released when this is dropped"]
pub(super) struct TargetGuard<'a> {
    locks: &'a TargetLocks,
    of: Target,
    /// `None` while the step waits.
    permit: Option<OwnedSemaphorePermit>,
}

impl TargetLocks {
    /// Creates the state of a store with `connections` connections.
    pub(super) fn new(connections: u32) -> Self {
        let waiters = (connections / CONNECTIONS_PER_WAITER).clamp(1, MAX_WAITERS);
        Self {
            semaphores: Mutex::default(),
            waiters: Semaphore::new(waiters as usize),
        }
    }

    /// Waits until a step may wait for a locked row. Cancel-safe. Never returns `None`: nothing closes the
    /// semaphore.
    pub(super) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        self.waiters.acquire().await.ok()
    }

    /// Waits for the earlier steps of a target. Cancel-safe.
    pub(super) async fn wait(&self, of: impl Into<Target>) -> TargetGuard<'_> {
        let of = of.into();
        let semaphore = Arc::clone(
            self.lock()
                .entry(of.clone())
                .or_insert_with(|| Arc::new(Semaphore::new(1))),
        );
        let mut guard = TargetGuard {
            locks: self,
            of,
            permit: None,
        };
        // Only a closed semaphore fails, and nothing closes this one.
        guard.permit = semaphore.acquire_owned().await.ok();
        guard
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Target, Arc<Semaphore>>> {
        self.semaphores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TargetGuard<'_> {
    /// The last step of a target removes its semaphore.
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut semaphores = self.locks.lock();
        // Waiting steps hold a reference too, and none can be added while the map is locked.
        if semaphores
            .get(&self.of)
            .is_some_and(|semaphore| Arc::strong_count(semaphore) == 1)
        {
            semaphores.remove(&self.of);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use messaging_testkit::make::conversation_id;

    use super::*;

    #[tokio::test]
    async fn steps_of_one_conversation_are_serialised_and_others_do_not_wait() {
        let locks = TargetLocks::new(1);
        let first = locks.wait(conversation_id(1)).await;
        let mut second = Box::pin(locks.wait(conversation_id(1)));
        let mut third = Box::pin(locks.wait(conversation_id(1)));
        assert!(poll!(&mut second).is_pending() && poll!(&mut third).is_pending());
        drop(locks.wait(conversation_id(2)).await);
        drop(first);
        assert!(poll!(&mut third).is_pending(), "the second comes first");
        drop(second.await);
        drop(third.await);
        assert!(locks.lock().is_empty());
    }

    #[tokio::test]
    async fn a_cancelled_wait_leaves_no_lock() {
        let locks = TargetLocks::new(1);
        let first = locks.wait(conversation_id(1)).await;
        let mut second = Box::pin(locks.wait(conversation_id(1)));
        assert!(poll!(&mut second).is_pending());
        drop(second);
        drop(first);
        assert!(locks.lock().is_empty());
    }
}
