mod publishing;
mod viewing;
mod writing;

use messaging_core::{
    id::ConversationId,
    store::{Backlog, DeadLetter, Publisher, Store},
    time::Timestamp,
};
use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseResult};

use super::{
    naive::NaiveThread,
    step::{AccessVersion, PublisherChoice, Step},
};
use crate::make::{at, secs, worker_id};

/// A store and its model. Every step is applied to both, and their results are compared.
pub(super) struct Pair<'a> {
    store: &'a dyn Store,
    threads: Vec<NaiveThread>,
    dead_letters: Vec<DeadLetter>,
    now: Timestamp,
    /// The latest time that the clock has shown.
    latest: Timestamp,
    ids: u64,
}

impl<'a> Pair<'a> {
    pub(super) fn new(store: &'a dyn Store) -> Self {
        Self {
            store,
            threads: Vec::new(),
            dead_letters: Vec::new(),
            now: at(0),
            latest: at(0),
            ids: 0,
        }
    }

    /// Applies a step. A step that needs a conversation is skipped while there is none.
    pub(super) async fn apply(&mut self, step: &Step) -> TestCaseResult {
        match step {
            Step::Clock(seconds) => {
                let by = secs(seconds.unsigned_abs());
                self.now = if *seconds < 0 {
                    self.now - by
                } else {
                    self.now + by
                };
                self.latest = self.latest.max(self.now);
                Ok(())
            }
            Step::Open { .. }
            | Step::Send { .. }
            | Step::Read { .. }
            | Step::Change { .. }
            | Step::Unlink { .. } => self.write(step).await,
            Step::Page { .. } | Step::List { .. } => self.view(step).await,
            _ => self.publish(step).await,
        }
    }

    /// Compares all query results.
    pub(super) async fn compare_everything(&mut self) -> TestCaseResult {
        for nth in 0..self.threads.len() {
            self.compare_thread(nth).await?;
        }
        self.compare_dead_letters().await?;
        let waiting = self.threads.iter().filter(|thread| thread.outbox.lane.is_some());
        let Backlog {
            lanes,
            oldest,
            next_due,
            dead_letters,
            ..
        } = self.store.backlog().await?;
        prop_assert_eq!(lanes, waiting.count() as u64);
        prop_assert_eq!(oldest.is_some(), lanes > 0);
        prop_assert_eq!(next_due.is_some(), lanes > 0);
        prop_assert_eq!(dead_letters, self.dead_letters.len() as u64);
        self.claim_everything().await
    }

    /// Compares a conversation and its unpublished events.
    async fn compare_thread(&self, nth: usize) -> TestCaseResult {
        let thread = &self.threads[nth];
        let summary = self.store.find_summary(thread.conversation().id).await?;
        prop_assert_eq!(summary, Some(thread.summary()));
        let found = self
            .store
            .find_conversation(thread.conversation().id.into())
            .await?;
        prop_assert_eq!(found, Some(thread.conversation()));
        let bookings = self.store.list_bookings(thread.conversation().id).await?;
        let newest_first: Vec<_> = thread.bookings.iter().rev().cloned().collect();
        prop_assert_eq!(bookings, newest_first);
        self.compare_entries(nth, thread.outbox.head(), 1_000).await
    }

    /// Returns the conversation chosen by a number; `None` when there is none.
    fn choose(&self, number: u8) -> Option<usize> {
        usize::from(number).checked_rem(self.threads.len())
    }

    fn id(&self, nth: usize) -> ConversationId {
        self.threads[nth].conversation().id
    }

    fn access_version(&self, nth: usize, access_version: AccessVersion) -> u32 {
        let current = self.threads[nth].conversation().access_version;
        match access_version {
            AccessVersion::Current => current,
            AccessVersion::Another => current + 1,
        }
    }

    fn publisher(&self, by: PublisherChoice) -> Publisher {
        match by {
            PublisherChoice::Anyone => Publisher::Anyone,
            PublisherChoice::Worker(n) => Publisher::Worker {
                id: worker_id(n),
                lease_until: self.now + secs(30),
            },
        }
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}

/// Checks that two values are equal; `what` describes them in the failure.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, store: &T, model: &T) -> TestCaseResult {
    prop_assert!(
        store == model,
        "{what}: the store returned {store:#?}, the model {model:#?}"
    );
    Ok(())
}
