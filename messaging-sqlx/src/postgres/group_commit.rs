//! Group commit: messages that arrive during a commit are committed together by the next.
//!
//! ```text
//! append ─> the queue of its conversation ─┬─ idle: a task starts, and commits it alone at once
//!                                          └─ busy: it waits; the next round takes all waiting messages
//! a round ─┬─ one message: the statement for one
//!          └─ several: the statement for many ─┬─ each has its own result
//!                                              ├─ conversation locked: to the queue of locked messages
//!                                              ├─ key collision: repeated, then one by one
//!                                              ├─ undone by one of them: one by one
//!                                              └─ the database is unavailable: one error for all
//! locked messages of a conversation ─> one task, one of a few at a time ─> the statement that waits for the row
//! ```
//!
//! A conversation has one queue, so this process never has two concurrent commits of its messages. A round belongs
//! to its task, not to the callers: a caller that is dropped cancels its own message only, and only while that
//! still waits. Both the length of a queue and the time that a message waits in it are bounded.

mod queue;

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use messaging_core::{
    id::ConversationId,
    store::{Append, Appended, StoreError, StoreErrorKind},
};
use tokio::{sync::oneshot, time::timeout};

use self::queue::{Full, Pending, Queue};
use super::{
    PgStore,
    append::{DOING, IfLocked, MAX_TRIES, is_collision},
    append_many::Outcome,
    error::{Effect, Failure, UNAVAILABLE},
    options::PgOptions,
};

/// How many commits of messages a process has in flight: while one is flushed to disk, the next is computed.
const QUEUES: usize = 2;

/// The maximum number of messages in a commit: a larger round gains little, and delays each of its messages.
const MAX_ROUND: usize = 128;

/// The queues of a store.
pub(super) struct GroupCommit {
    queues: [Arc<Queue>; QUEUES],
    /// How long a message may wait for its round.
    max_wait: Duration,
}

#[derive(Debug, thiserror::Error)]
enum NotCommitted {
    #[error("the queue of messages to store is full")]
    TooMany,
    #[error("the message waited too long for earlier messages to be stored")]
    TooLong,
    #[error("the task that commits messages ended early")]
    Ended,
}

impl GroupCommit {
    pub(super) fn new(options: &PgOptions) -> Self {
        let capacity = options.max_waiting.div_ceil(QUEUES);
        Self {
            queues: std::array::from_fn(|_| Arc::new(Queue::new(capacity))),
            max_wait: options.acquire_timeout,
        }
    }

    fn queue_of(&self, id: ConversationId) -> &Arc<Queue> {
        // The last 12 bits are the client's bucket, equal for all conversations of a client. The bits before
        // them are random in every version.
        let before_bucket = id.as_uuid().as_bytes()[14] >> 4;
        &self.queues[usize::from(before_bucket) % QUEUES]
    }
}

impl PgStore {
    pub(super) async fn append_message(&self, step: &Append) -> Result<Appended, StoreError> {
        self.admit(DOING).await?;
        if let Some(group) = &self.0.group_commit {
            return self.append_grouped(group, step).await;
        }
        let _guard = self.lock_target(DOING, step.conversation_id).await?;
        match self.append_or_skip(step).await? {
            Outcome::Done(appended) => Ok(appended),
            Outcome::Skipped => {
                let _permit = self.permit(DOING).await?;
                self.append_one(step, IfLocked::Wait).await
            }
        }
    }

    async fn append_grouped(&self, group: &GroupCommit, step: &Append) -> Result<Appended, StoreError> {
        let queue = group.queue_of(step.conversation_id);
        let (answer, mut answered) = oneshot::channel();
        let pending = Pending::new(step.clone(), answer);
        let place = queue
            .push(pending)
            .map_err(|Full| refused(NotCommitted::TooMany))?;
        if place.is_first {
            tokio::spawn(Rounds::new(self.clone(), Arc::clone(queue)).run());
        }
        // A message whose commit skipped it after the timeout may be queued again.
        let outcome = loop {
            match timeout(group.max_wait, &mut answered).await {
                Ok(outcome) => break outcome,
                Err(_) if queue.withdraw(place.ticket) => return Err(refused(NotCommitted::TooLong)),
                Err(_) => {}
            }
        };
        // Only a runtime shutdown drops a round: its outcome is unknown.
        outcome.unwrap_or_else(|_| {
            Err(StoreError::new(StoreErrorKind::OutcomeUnknown, DOING).caused_by(NotCommitted::Ended))
        })
    }

    /// Commits a round. Messages of conversations that another transaction has locked are moved to a queue per
    /// conversation, and one task waits for each locked row, so that they delay no others.
    async fn commit_round(&self, queue: &Arc<Queue>, round: Vec<Pending>) {
        let skipped = self.commit(round, IfLocked::Skip).await;
        for of in queue.hold(skipped) {
            let waiter = Waiter {
                store: self.clone(),
                queue: Arc::clone(queue),
                of,
            };
            tokio::spawn(waiter.run());
        }
    }

    /// Commits messages and answers their callers. Returns the skipped messages.
    async fn commit(&self, some: Vec<Pending>, if_locked: IfLocked) -> Vec<Pending> {
        if some.len() < self.0.batch_threshold {
            return self.commit_one_by_one(some, if_locked).await;
        }
        let mut skipped = Vec::new();
        match self.try_batch(&some, if_locked).await {
            Ok(outcomes) => {
                for (pending, outcome) in some.into_iter().zip(outcomes) {
                    match outcome {
                        Outcome::Done(appended) => pending.answer(Ok(appended)),
                        Outcome::Skipped => skipped.push(pending),
                    }
                }
            }
            Err(failure) if failure.may_be_caused_by_one() => {
                skipped = self.commit_one_by_one(some, if_locked).await;
            }
            Err(failure) => {
                let error = failure.into_error_for_each(DOING, Effect::Writes);
                for pending in some {
                    pending.answer(Err(error()));
                }
            }
        }
        skipped
    }

    async fn try_batch(&self, round: &[Pending], if_locked: IfLocked) -> Result<Vec<Outcome>, Failure> {
        let steps: Vec<&Append> = round.iter().map(|pending| &pending.step).collect();
        for _ in 1..MAX_TRIES {
            match self.append_many(&steps, if_locked).await {
                Err(failure) if is_collision(&failure) => {}
                done => return done,
            }
        }
        self.append_many(&steps, if_locked).await
    }

    async fn commit_one_by_one(&self, some: Vec<Pending>, if_locked: IfLocked) -> Vec<Pending> {
        if if_locked == IfLocked::Wait {
            // Sequentially: messages of one conversation would wait for each other, with a connection each.
            for pending in some {
                let outcome = self.append_one(&pending.step, if_locked).await;
                pending.answer(outcome);
            }
            return Vec::new();
        }
        let each = some.into_iter().map(async |pending| {
            match self.append_or_skip(&pending.step).await {
                Ok(Outcome::Skipped) => return Some(pending),
                Ok(Outcome::Done(appended)) => pending.answer(Ok(appended)),
                Err(error) => pending.answer(Err(error)),
            }
            None
        });
        join_all(each).await.into_iter().flatten().collect()
    }
}

/// The error of a message that was not stored.
fn refused(why: NotCommitted) -> StoreError {
    StoreError::new(UNAVAILABLE, DOING).caused_by(why)
}

/// The task of a queue that is not idle.
struct Rounds {
    store: PgStore,
    queue: Arc<Queue>,
    has_ended: bool,
}

impl Rounds {
    fn new(store: PgStore, queue: Arc<Queue>) -> Self {
        Self {
            store,
            queue,
            has_ended: false,
        }
    }

    async fn run(mut self) {
        while let Some(round) = self.queue.next_round(MAX_ROUND) {
            self.store.commit_round(&self.queue, round).await;
        }
        self.has_ended = true;
    }
}

impl Drop for Rounds {
    /// A cancelled task leaves the queue usable.
    fn drop(&mut self) {
        if !self.has_ended {
            for pending in self.queue.abandon() {
                pending.answer(Err(refused(NotCommitted::Ended)));
            }
        }
    }
}

/// The task of a conversation that another transaction has locked.
struct Waiter {
    store: PgStore,
    queue: Arc<Queue>,
    of: ConversationId,
}

impl Waiter {
    async fn run(self) {
        loop {
            // Acquired anew for each group, so that the tasks of several locked conversations alternate.
            let guard = self.store.0.target_locks.wait(self.of).await;
            let permit = self.store.0.target_locks.permit().await;
            let Some(messages) = self.queue.next_locked(self.of, MAX_ROUND) else {
                return;
            };
            self.store.commit(messages, IfLocked::Wait).await;
            drop((permit, guard));
        }
    }
}

impl Drop for Waiter {
    /// A cancelled task leaves the conversation usable.
    fn drop(&mut self) {
        for pending in self.queue.abandon_locked(self.of) {
            pending.answer(Err(refused(NotCommitted::Ended)));
        }
    }
}

#[cfg(test)]
mod tests {
    use messaging_core::{
        clock::{IdSource as _, SequentialIds},
        id::Bucket,
    };
    use messaging_testkit::make::{at, client_id};

    use super::*;

    #[tokio::test]
    async fn conversations_of_one_client_are_spread_over_the_queues() {
        let group = GroupCommit::new(&PgOptions::default());
        let (ids, bucket) = (SequentialIds::default(), Bucket::of_client(&client_id(1)));
        let first: Vec<_> = (0..QUEUES)
            .map(|_| ConversationId::new(bucket.put_in(ids.new_id(at(0)))))
            .collect();
        for queue in &group.queues {
            let of_queue = first.iter().filter(|id| Arc::ptr_eq(group.queue_of(**id), queue));
            assert_eq!(of_queue.count(), 1);
        }
    }
}
