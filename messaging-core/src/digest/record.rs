//! Recording the result of an attempt: conversations first, the user last.
//!
//! An accepted e-mail cannot be taken back, so a record that fails is retried, after a longer pause each time, until
//! its lease ends. The first try is part of the delivery, and ends after two failed chunks. Later tries wait in a
//! queue, so that a locked conversation of one user does not delay the e-mails of others. A repeated e-mail leaves out
//! each conversation that has been recorded, so a chunk that fails is halved.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};

use super::Digester;
use crate::{
    backoff,
    domain::digest::Extent,
    id::DigestId,
    signal::Signal,
    store::{DigestLease, StoreError},
    time::Timestamp,
};

/// The longest pause before a record is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A try ends after this many failed chunks: then the store fails, rather than one locked conversation.
const MAX_FAILED_CHUNKS: usize = 2;

/// The result of an attempt that has ended, as it is recorded.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) lease: DigestLease,
    pub(super) id: DigestId,
    pub(super) outcome: Outcome,
    /// When to check messages that arrived later.
    pub(super) again_at: Timestamp,
    /// The extents that are not recorded yet, in chunks of one step each.
    chunks: VecDeque<Vec<Extent>>,
    failures: u32,
}

/// Why the messages of an attempt count as mailed.
///
/// A postponed attempt has no outcome and no record. A failed postponement is not retried, since it loses nothing: the
/// user is due again when the lease expires, and the attempt is repeated with its id and its extents. The uncounted
/// deferral delays the end of the attempts by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The mail server accepted the e-mail at this time.
    Accepted(Timestamp),
    /// No e-mail will be sent; an earlier send that began at this time may have been accepted.
    NothingToSend(Option<Timestamp>),
}

impl Outcome {
    const fn sent_at(self) -> Option<Timestamp> {
        match self {
            Self::Accepted(at) => Some(at),
            Self::NothingToSend(maybe_sent) => maybe_sent,
        }
    }
}

impl Record {
    pub(super) fn new(
        lease: DigestLease,
        id: DigestId,
        outcome: Outcome,
        again_at: Timestamp,
        extents: &[Extent],
        chunk: usize,
    ) -> Self {
        Self {
            lease,
            id,
            outcome,
            again_at,
            chunks: extents.chunks(chunk).map(<[_]>::to_vec).collect(),
            failures: 0,
        }
    }

    /// Moves a chunk that failed to the end, in halves.
    fn halve(&mut self, mut chunk: Vec<Extent>) {
        let second = chunk.split_off(chunk.len() / 2);
        let halves = [chunk, second].into_iter();
        self.chunks.extend(halves.filter(|half| !half.is_empty()));
    }
}

/// The records that failed and wait for another try.
#[derive(Debug, Default)]
pub(super) struct Unrecorded {
    waiting: Mutex<Waiting>,
    signal: Signal,
}

#[derive(Debug, Default)]
struct Waiting {
    records: Vec<(Timestamp, Record)>,
    is_closed: bool,
}

/// The next work of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A record is due at this time.
    At(Timestamp),
    /// The queue is empty, and records may still be added.
    Empty,
    /// The queue is empty and closed.
    Over,
}

impl Unrecorded {
    fn put(&self, at: Timestamp, record: Record) {
        self.waiting().records.push((at, record));
        self.signal.raise();
    }

    fn take_due(&self, now: Timestamp) -> Vec<Record> {
        let mut waiting = self.waiting();
        let due = waiting.records.extract_if(.., |(at, _)| *at <= now);
        due.map(|(_, record)| record).collect()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unrecorded {
    /// Closes the queue once the deliveries have ended.
    pub(super) fn close(&self) {
        self.waiting().is_closed = true;
        self.signal.raise();
    }

    pub(super) fn next(&self) -> Next {
        let waiting = self.waiting();
        match waiting.records.iter().map(|(at, _)| *at).min() {
            Some(at) => Next::At(at),
            None if waiting.is_closed => Next::Over,
            None => Next::Empty,
        }
    }

    /// Raised when the result of [`next`](Self::next) changes.
    pub(super) fn signal(&self) -> &Signal {
        &self.signal
    }
}

impl Digester {
    /// Records the result of an attempt; on a failure, queues it for another try.
    pub(super) async fn record(&self, mut record: Record) {
        let recorded = self.try_to_record(&mut record).await;
        let (user_id, digest_id, failures) = (&record.lease.user_id, record.id, record.failures);
        match recorded {
            Ok(()) if failures == 0 => {}
            Ok(()) => tracing::info!(%user_id, %digest_id, failures, "digest recorded after retries"),
            Err(error) => self.failed_to_record(record, &error),
        }
    }

    /// Retries the records that are due.
    pub(super) async fn record_due(&self) {
        let due = self.unrecorded.take_due(self.now());
        stream::iter(due)
            .for_each_concurrent(self.parts.options.concurrency, |record| self.record(record))
            .await;
    }

    /// Runs the steps that are left; each may run twice without harm.
    async fn try_to_record(&self, record: &mut Record) -> Result<(), StoreError> {
        let (store, mut errors) = (self.store()?, Vec::new());
        for _ in 0..record.chunks.len() {
            if errors.len() >= MAX_FAILED_CHUNKS {
                break;
            }
            let Some(chunk) = record.chunks.pop_front() else {
                break;
            };
            let marked = store.mark_mailed(&record.lease.user_id, &chunk, record.again_at);
            if let Err(error) = self.in_time("marking messages as mailed", marked).await {
                record.halve(chunk);
                errors.push(error);
            }
        }
        if let Some(error) = errors.pop() {
            return Err(error);
        }
        let (sent_at, remember) = (record.outcome.sent_at(), self.parts.policy.remembered());
        let finished = store.complete_digest(&record.lease, sent_at, remember);
        self.in_time("completing a digest", finished).await.map(drop)
    }

    fn failed_to_record(&self, mut record: Record, error: &StoreError) {
        record.failures = record.failures.saturating_add(1);
        let (user_id, digest_id) = (&record.lease.user_id, record.id);
        let (is_first, now) = (record.failures == 1, self.now());
        let at = now + pause(record.failures, self.parts.ids.chance());
        let is_over = at >= record.lease.until;
        let error: &dyn std::error::Error = error;
        match record.outcome {
            Outcome::Accepted(_) if is_over => tracing::error!(
                %user_id, %digest_id, error,
                "digest accepted by the mail server but not recorded before its lease expires; \
                 what is not recorded is sent again with the same Message-ID"
            ),
            Outcome::Accepted(_) if is_first => tracing::warn!(
                %user_id, %digest_id, error,
                "digest accepted by the mail server but not recorded; retrying until its lease expires"
            ),
            Outcome::NothingToSend(_) if is_over => tracing::warn!(
                %user_id, %digest_id, error,
                "end of a digest attempt not recorded before its lease expires; the attempt is repeated"
            ),
            Outcome::NothingToSend(_) if is_first => tracing::warn!(
                %user_id, %digest_id, error,
                "end of a digest attempt not recorded; retrying until its lease expires"
            ),
            _ => {}
        }
        if !is_over {
            self.unrecorded.put(at, record);
        }
    }
}

/// A random pause, at least half of a bound that doubles with every failure.
fn pause(failures: u32, chance: f64) -> Duration {
    backoff::delay(failures, 0.5 + chance / 2.0).min(LONGEST_PAUSE)
}
