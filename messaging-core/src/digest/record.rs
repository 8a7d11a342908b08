//! The record of what came of an attempt: conversations first, the user last.
//!
//! An accepted e-mail cannot be taken back, so a record that fails is repeated, after a longer pause each time, until its
//! lease ends. The first try is part of the delivery, and ends after two failed chunks. Each later one waits in a queue: a
//! locked conversation of one user keeps no other user's e-mail waiting for longer. Each conversation that is recorded is
//! out of a repeated e-mail, so a chunk that fails is halved.

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

/// After so many failed chunks a try ends: it is the store, and not a locked conversation.
const MAX_FAILED_CHUNKS: usize = 2;

/// What is to be recorded of an attempt that has ended.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) lease: DigestLease,
    pub(super) id: DigestId,
    pub(super) outcome: Outcome,
    /// When to look at messages that came later.
    pub(super) again_at: Timestamp,
    /// The extents that are not recorded yet, by step.
    chunks: VecDeque<Vec<Extent>>,
    failures: u32,
}

/// Why the messages of an attempt count as mailed.
///
/// An attempt that is held back has no outcome and no record. A hold that fails is not tried again, since it loses nothing:
/// the user is due again when the lease is over, the attempt is repeated with its id and its extent, and a deferral that is
/// not counted delays the end of the attempts by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The mail server accepted the e-mail then.
    Accepted(Timestamp),
    /// No e-mail is sent any more; a try that began then may have been accepted.
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

    /// Puts a chunk that failed behind the others, in halves.
    fn halve(&mut self, mut chunk: Vec<Extent>) {
        let second = chunk.split_off(chunk.len() / 2);
        let halves = [chunk, second].into_iter();
        self.chunks.extend(halves.filter(|half| !half.is_empty()));
    }
}

/// The records that failed, until they are tried again.
#[derive(Debug, Default)]
pub(super) struct Unrecorded {
    waiting: Mutex<Waiting>,
    signal: Signal,
}

#[derive(Debug, Default)]
struct Waiting {
    records: Vec<(Timestamp, Record)>,
    #[cfg(feature = "worker")]
    is_closed: bool,
}

/// What the queue has for its worker.
#[cfg(feature = "worker")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A record is to be tried then.
    At(Timestamp),
    /// No record waits, and another may come.
    Empty,
    /// No record waits, and none comes any more.
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

#[cfg(feature = "worker")]
impl Unrecorded {
    /// The deliveries have ended: the queue is over when it is empty.
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

    /// Raised when [`next`](Self::next) has another answer.
    pub(super) fn signal(&self) -> &Signal {
        &self.signal
    }
}

impl Digester {
    /// Records what came of an attempt, or puts it into the queue to be tried again.
    pub(super) async fn record(&self, mut record: Record) {
        let recorded = self.try_to_record(&mut record).await;
        let (user_id, digest_id, failures) = (&record.lease.user_id, record.id, record.failures);
        match recorded {
            Ok(()) if failures == 0 => {}
            Ok(()) => tracing::info!(%user_id, %digest_id, failures, "digest recorded after failed tries"),
            Err(error) => self.failed_to_record(record, &error),
        }
    }

    /// Tries the records again whose pause is over.
    pub(super) async fn record_due(&self) {
        let due = self.unrecorded.take_due(self.now());
        stream::iter(due)
            .for_each_concurrent(self.parts.options.concurrency, |record| self.record(record))
            .await;
    }

    /// Each of its steps may be taken twice.
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
            if let Err(error) = self.in_time("marking messages mailed", marked).await {
                record.halve(chunk);
                errors.push(error);
            }
        }
        if let Some(error) = errors.pop() {
            return Err(error);
        }
        let (sent_at, remember) = (record.outcome.sent_at(), self.parts.policy.remembered());
        let finished = store.complete_digest(&record.lease, sent_at, remember);
        self.in_time("completing an e-mail", finished).await.map(drop)
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

/// At least half of a bound that doubles with every failure.
fn pause(failures: u32, chance: f64) -> Duration {
    backoff::delay(failures, 0.5 + chance / 2.0).min(LONGEST_PAUSE)
}
