//! Group commit: messages that arrive while a commit is in flight go together in the next.
//!
//! ```text
//! append ─> the queue of its conversation ─┬─ idle: a task begins, and takes it at once, by itself
//!                                          └─ busy: it waits; the next round takes all that wait
//! a round ─┬─ one message: the statement for one
//!          └─ several: the statement for many ─┬─ each has its own result
//!                                              ├─ locked elsewhere: into the line of its conversation
//!                                              ├─ lost against another key: repeated, then one by one
//!                                              ├─ undone by one of them: one by one
//!                                              └─ the database is away: the same answer for all
//! the line of a conversation ─> one task, one of a few at a time ─> the statement that waits for the row
//! ```
//!
//! A conversation has one queue, so its messages are never in two commits of this process at once. A round belongs to
//! its task and not to who waits for it: a caller that goes away takes nothing with it but its own message, and that
//! only if it still waits. A queue is bounded, and so is the time that a message waits in it.

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
    error::{Failure, UNAVAILABLE},
    options::PgOptions,
};

/// How many commits of messages a process has in flight at most: while one is written to disk, the next is reckoned.
const QUEUES: usize = 2;

/// How many messages a commit takes at most: beyond this more of them gain little, and each waits for all.
const MAX_ROUND: usize = 128;

/// The queues of a store.
pub(super) struct GroupCommit {
    queues: [Arc<Queue>; QUEUES],
    /// How long a message may wait for its round.
    patience: Duration,
}

#[derive(Debug, thiserror::Error)]
enum NotCommitted {
    #[error("too many messages wait to be stored")]
    TooMany,
    #[error("the message waited too long for those before it")]
    TooLong,
    #[error("the task that commits messages ended")]
    Ended,
}

impl GroupCommit {
    pub(super) fn new(options: &PgOptions) -> Self {
        let capacity = options.max_waiting.div_ceil(QUEUES);
        Self {
            queues: std::array::from_fn(|_| Arc::new(Queue::new(capacity))),
            patience: options.acquire_timeout,
        }
    }

    fn queue_of(&self, id: ConversationId) -> &Arc<Queue> {
        // The last 12 bits are the client's bucket: all conversations of a client have the same. Those before them are
        // random in every version.
        let before_bucket = id.as_uuid().as_bytes()[14] >> 4;
        &self.queues[usize::from(before_bucket) % QUEUES]
    }
}

impl PgStore {
    pub(super) async fn append_message(&self, step: &Append) -> Result<Appended, StoreError> {
        self.admit(DOING).await?;
        if let Some(group) = &self.0.group_commit {
            return self.append_in_turn(group, step).await;
        }
        let _turn = self.turn(DOING, step.conversation_id).await?;
        match self.append_or_skip(step).await? {
            Outcome::Done(appended) => Ok(appended),
            Outcome::Skipped => {
                let _permit = self.permit(DOING).await?;
                self.append_one(step, IfLocked::Wait).await
            }
        }
    }

    async fn append_in_turn(&self, group: &GroupCommit, step: &Append) -> Result<Appended, StoreError> {
        let queue = group.queue_of(step.conversation_id);
        let (answer, mut answered) = oneshot::channel();
        let pending = Pending::new(step.clone(), answer);
        let place = queue
            .push(pending)
            .map_err(|Full| refused(NotCommitted::TooMany))?;
        if place.is_first {
            tokio::spawn(Rounds::new(self.clone(), Arc::clone(queue)).run());
        }
        // One that is in a commit when its time is over may come back to a line.
        let outcome = loop {
            match timeout(group.patience, &mut answered).await {
                Ok(outcome) => break outcome,
                Err(_) if queue.withdraw(place.ticket) => return Err(refused(NotCommitted::TooLong)),
                Err(_) => {}
            }
        };
        // Only a runtime that shuts down drops a round: nobody knows how far it came.
        outcome.unwrap_or_else(|_| {
            Err(StoreError::new(StoreErrorKind::OutcomeUnknown, DOING).caused_by(NotCommitted::Ended))
        })
    }

    /// Commits a round. A conversation that is locked elsewhere holds up no other: its messages wait in a line of their
    /// own, and for its row waits one task.
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

    /// Commits messages, and answers them. Returns those that were skipped.
    async fn commit(&self, some: Vec<Pending>, if_locked: IfLocked) -> Vec<Pending> {
        if some.len() < self.0.together_from {
            return self.commit_one_by_one(some, if_locked).await;
        }
        let mut skipped = Vec::new();
        match self.try_together(&some, if_locked).await {
            Ok(outcomes) => {
                for (pending, outcome) in some.into_iter().zip(outcomes) {
                    match outcome {
                        Outcome::Done(appended) => pending.answer(Ok(appended)),
                        Outcome::Skipped => skipped.push(pending),
                    }
                }
            }
            Err(failure) if failure.may_be_of_one() => {
                skipped = self.commit_one_by_one(some, if_locked).await;
            }
            Err(failure) => {
                let error = failure.of_each(DOING);
                for pending in some {
                    pending.answer(Err(error()));
                }
            }
        }
        skipped
    }

    async fn try_together(&self, round: &[Pending], if_locked: IfLocked) -> Result<Vec<Outcome>, Failure> {
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
            // Of one conversation: they would wait for one another, with a connection each.
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

/// Nothing was stored.
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
    /// A task that was ended in the middle leaves a queue that others can go on with.
    fn drop(&mut self) {
        if !self.has_ended {
            for pending in self.queue.abandon() {
                pending.answer(Err(refused(NotCommitted::Ended)));
            }
        }
    }
}

/// The task of a conversation that is locked elsewhere.
struct Waiter {
    store: PgStore,
    queue: Arc<Queue>,
    of: ConversationId,
}

impl Waiter {
    async fn run(self) {
        loop {
            // Anew for each group: of several locked conversations each gets its turn.
            let turn = self.store.0.turns.wait(self.of).await;
            let permit = self.store.0.turns.permit().await;
            let Some(messages) = self.queue.next_locked(self.of, MAX_ROUND) else {
                return;
            };
            self.store.commit(messages, IfLocked::Wait).await;
            drop((permit, turn));
        }
    }
}

impl Drop for Waiter {
    /// A task that was ended in the middle leaves a conversation that others can go on with.
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
