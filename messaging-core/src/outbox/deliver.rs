//! Delivery of the events of some lanes to the transport: in order within a lane, in batches across lanes.

use std::time::Duration;

use super::{Relay, held::LaneKey, revocations::EntryKey};
use crate::{
    event::Event,
    id::UserId,
    store::{Entry, EntryKind, Lane, Progress},
    telemetry,
    time::Timestamp,
    transport::{TransportError, TransportErrorKind},
};

/// An event becomes a dead letter after this many refusals.
const MAX_REFUSALS: u32 = 3;

/// The events of one lane, and how many of them are done.
pub(super) struct Run {
    lane: Lane,
    entries: Vec<(Entry, Vec<Event>)>,
    /// The number of entries that are done: published or moved to the dead letters.
    done: usize,
    /// The number of events of the entry at `done` that the transport has accepted.
    accepted: usize,
    /// Entries that are done because the transport refused them permanently: their indices and the refusals' texts.
    dead: Vec<(usize, String)>,
    failure: Option<Failure>,
    /// The user whose access is revoked before the first entry is published.
    lost_access: Option<UserId>,
}

/// The reason why a run stopped before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The transport failed, or asked for a pause.
    Transport { retry_after: Option<Duration> },
    /// The transport refused the first unpublished entry, for the `refusals`th time.
    Refused { refusals: u32 },
    /// The lane waits, although no call has failed.
    Waits { until: Timestamp },
    /// The lane must not be published now: another call might outlast its lease, or the breaker has opened.
    Stopped,
}

impl Run {
    pub(super) fn new(lane: Lane, entries: Vec<(Entry, Vec<Event>)>, lost_access: Option<UserId>) -> Self {
        // Without entries, the last entry may have become a dead letter just before a crash: acknowledging ends the
        // lane. If the outbox has entries that do not load, the lane waits, so that it is not retried in a busy loop.
        let failure = entries
            .is_empty()
            .then_some(Failure::Transport { retry_after: None });
        Self {
            lane,
            entries,
            done: 0,
            accepted: 0,
            dead: Vec::new(),
            failure,
            lost_access,
        }
    }

    pub(super) fn lane(&self) -> &Lane {
        &self.lane
    }

    pub(super) fn key(&self) -> LaneKey {
        (self.lane.conversation_id, self.lane.lease_until)
    }

    /// The number of entries so far.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The number after the last entry.
    pub(super) fn next_number(&self) -> u64 {
        let last = self.entries.last();
        last.map_or(self.lane.head, |(entry, _)| entry.number + 1)
    }

    /// Adds the entries that follow, once all others are delivered.
    pub(super) fn extend(&mut self, entries: Vec<(Entry, Vec<Event>)>) {
        self.entries.extend(entries);
    }

    /// Whether what has become of the run is recorded without waiting for other lanes: it failed, or an entry ended a
    /// user's access or became a dead letter.
    pub(super) fn is_urgent(&self) -> bool {
        self.failure.is_some() || self.lost_access.is_some() || !self.dead.is_empty()
    }

    /// The lane's progress in the outbox. A lane without entries is acknowledged up to just before its head, so that
    /// the lane ends if the outbox has no entries either.
    pub(super) fn progress(&self) -> Option<Progress> {
        let up_to = match self.done.checked_sub(1) {
            Some(last) => self.entries.get(last)?.0.number,
            None if self.entries.is_empty() => self.lane.head.saturating_sub(1),
            None => return None,
        };
        Some(Progress {
            conversation_id: self.lane.conversation_id,
            lease_until: self.lane.lease_until,
            up_to,
        })
    }

    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    pub(super) fn lost_access(&self) -> Option<&UserId> {
        self.lost_access.as_ref()
    }

    /// The key of the first unpublished entry.
    pub(super) fn head(&self) -> Option<EntryKey> {
        let (entry, _) = self.entries.first()?;
        Some((entry.conversation_id, entry.number))
    }

    /// The user whose access the first entry has ended, once that entry is done.
    pub(super) fn ended_access(&self) -> Option<(&UserId, EntryKey)> {
        let user_id = self.lost_access()?;
        self.head().filter(|_| self.done > 0).map(|head| (user_id, head))
    }

    /// Stops the run before its next event.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.failure = Some(failure);
    }

    /// The number of consecutive failures before this run; 0 once the run has made progress.
    pub(super) fn tries_before(&self) -> u32 {
        if self.done == 0 { self.lane.tries } else { 0 }
    }

    /// The entries that the transport refused permanently, with the refusals' texts.
    pub(super) fn dead_letter(&self) -> Vec<(&Entry, &str)> {
        self.dead
            .iter()
            .filter_map(|(at, why)| Some((&self.entries.get(*at)?.0, why.as_str())))
            .collect()
    }

    /// The next events in order, at most `at_most`.
    fn next(&self, at_most: usize) -> impl Iterator<Item = &Event> {
        let live = if self.failure.is_none() {
            &self.entries[self.done..]
        } else {
            &[]
        };
        live.iter()
            .flat_map(|(_, events)| events)
            .skip(self.accepted)
            .take(at_most)
    }

    /// Whether the lane is published in calls of its own: after a failure, so that it does not fail other lanes'
    /// events.
    fn goes_alone(&self) -> bool {
        self.done == 0 && (self.lane.tries > 0 || self.lane.refusals > 0)
    }

    fn has_next(&self) -> bool {
        self.next(1).next().is_some()
    }

    /// Notes that the transport has accepted the next `count` events. Returns the entries that are done as a result.
    fn accept(&mut self, count: usize) -> impl Iterator<Item = &Entry> {
        let before = self.done;
        self.accepted += count;
        while let Some((_, events)) = self.entries.get(self.done) {
            if self.accepted < events.len() {
                break;
            }
            self.accepted -= events.len();
            self.done += 1;
        }
        self.entries[before..self.done].iter().map(|(entry, _)| entry)
    }

    /// Notes that a call with the run's next events failed.
    fn reject(&mut self, error: &TransportError) {
        self.failure = Some(match error.kind() {
            TransportErrorKind::Refused => return self.refuse(error_chain(error)),
            TransportErrorKind::Busy { retry_after } | TransportErrorKind::Deferred { retry_after } => {
                Failure::Transport { retry_after }
            }
            TransportErrorKind::Unavailable | TransportErrorKind::OutcomeUnknown => {
                Failure::Transport { retry_after: None }
            }
            // The lane did not fail: the breaker is open.
            TransportErrorKind::Misconfigured => Failure::Stopped,
        });
    }

    /// Notes that the transport refused the next event. After [`MAX_REFUSALS`] the entry becomes a dead letter, and the
    /// lane continues.
    fn refuse(&mut self, why: String) {
        let before = if self.done == 0 { self.lane.refusals } else { 0 };
        let refusals = before.saturating_add(1);
        if refusals < MAX_REFUSALS {
            self.failure = Some(Failure::Refused { refusals });
        } else {
            self.dead.push((self.done, why));
            self.done += 1;
            self.accepted = 0;
        }
    }
}

/// The events of one call, with `(run, count)` parts in order; never empty.
struct Batch {
    parts: Vec<(usize, usize)>,
    events: Vec<Event>,
}

impl Relay {
    /// Delivers the events of the runs until each run has ended or failed.
    pub(super) async fn deliver(&self, runs: &mut [Run]) {
        let size = self.parts.realtime.limits().events_per_call.max(1);
        while runs.iter().any(Run::has_next) {
            self.wait_for_turn().await;
            let Some(batch) = self.next_batch(runs, size) else {
                break;
            };
            let first = runs[batch.parts[0].0].lane.conversation_id;
            match self.call(first, &batch.events).await {
                Ok(()) => {
                    for (run, count) in batch.parts {
                        self.count_published(runs[run].accept(count));
                    }
                }
                // One event of the batch may be the cause: each one is sent alone.
                Err(error) if error.kind() == TransportErrorKind::Refused && batch.events.len() > 1 => {
                    self.deliver_singly(runs, &batch.parts).await;
                }
                Err(error) => {
                    for (run, _) in batch.parts {
                        runs[run].reject(&error);
                    }
                }
            }
        }
    }

    async fn deliver_singly(&self, runs: &mut [Run], parts: &[(usize, usize)]) {
        for (run, count) in parts {
            let run = &mut runs[*run];
            for _ in 0..*count {
                if !run.has_next() {
                    break;
                }
                self.wait_for_turn().await;
                if self.stops(&run.lane) {
                    run.failure = Some(Failure::Stopped);
                }
                let Some(event) = run.next(1).next().cloned() else {
                    break;
                };
                let called = self.call(run.lane.conversation_id, std::slice::from_ref(&event));
                match called.await {
                    Ok(()) => self.count_published(run.accept(1)),
                    Err(error) => run.reject(&error),
                }
            }
        }
    }

    /// The events of the next call: for each run its next events, in order.
    fn next_batch(&self, runs: &mut [Run], size: usize) -> Option<Batch> {
        let mut batch = Batch {
            parts: Vec::new(),
            events: Vec::new(),
        };
        for (index, run) in runs.iter_mut().enumerate() {
            if !run.has_next() {
                continue;
            }
            if self.stops(&run.lane) {
                run.failure = Some(Failure::Stopped);
                continue;
            }
            let alone = run.goes_alone();
            if alone && !batch.events.is_empty() {
                continue;
            }
            // A lane that was refused before is sent one event at a time: a later event must not cause its refusal.
            let room = if alone && run.lane.refusals > 0 {
                1
            } else {
                size - batch.events.len()
            };
            let before = batch.events.len();
            batch.events.extend(run.next(room).cloned());
            batch.parts.push((index, batch.events.len() - before));
            if alone || batch.events.len() == size {
                break;
            }
        }
        (!batch.events.is_empty()).then_some(batch)
    }

    /// Pauses before a call during the ramp-up after an outage.
    async fn wait_for_turn(&self) {
        let wait = self.breaker().wait(self.parts.clock.now());
        if !wait.is_zero() {
            self.parts.clock.sleep(wait).await;
        }
    }

    /// Whether no further call may be made for a lane.
    fn stops(&self, lane: &Lane) -> bool {
        let now = self.parts.clock.now();
        now + self.options().call_timeout > lane.lease_until || self.breaker().forbids_calls(now)
    }

    fn count_published<'a>(&self, entries: impl Iterator<Item = &'a Entry>) {
        let now = self.parts.clock.now();
        for entry in entries {
            telemetry::published(now.since(entry.at));
            if let (EntryKind::Message { seq }, Some(notifier)) = (entry.kind, &self.parts.notifier) {
                notifier.published(entry.conversation_id, seq);
            }
        }
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
