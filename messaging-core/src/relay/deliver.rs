//! Handing the events of some lanes to the transport: in order within a lane, in batches across lanes.

use std::time::Duration;

use super::{Relay, retry};
use crate::{
    clock,
    event::Event,
    port::{
        realtime::PublishErrorKind,
        store::{Entry, Lane, Progress},
    },
};

/// One lane's events, and how far they have come.
pub(super) struct Run {
    lane: Lane,
    entries: Vec<(Entry, Vec<Event>)>,
    /// How many entries are done with: published or set aside.
    done: usize,
    /// How many events of the entry at `done` the transport has accepted.
    accepted: usize,
    /// The entries among those done that the transport refused for good, with what it said.
    aside: Vec<(usize, String)>,
    failure: Option<Failure>,
}

/// Why a run did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The transport failed, or asked for patience.
    Transport { retry_after: Option<Duration> },
    /// The transport refused the entry at the head, so often now.
    Refused { refusals: u32 },
    /// The transport does not accept our credentials: nobody publishes for a while.
    Halted,
    /// Another call might outlast the lease.
    LeaseOver,
}

impl Run {
    pub(super) fn new(lane: Lane, entries: Vec<(Entry, Vec<Event>)>) -> Self {
        // Its last entry may have been set aside just before a crash: settling ends it. Should the outbox
        // have entries that do not load, it waits instead of turning in circles.
        let failure = entries
            .is_empty()
            .then_some(Failure::Transport { retry_after: None });
        Self {
            lane,
            entries,
            done: 0,
            accepted: 0,
            aside: Vec::new(),
            failure,
        }
    }

    pub(super) fn lane(&self) -> &Lane {
        &self.lane
    }

    /// How far the lane has come in the outbox. A lane without entries is settled just before its head, so
    /// that it ends if the outbox has none either.
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

    /// How often in a row the transport had failed before; progress forgives that.
    pub(super) fn tries_before(&self) -> u32 {
        if self.done == 0 { self.lane.tries } else { 0 }
    }

    /// The entries that the transport refused for good, with what it said.
    pub(super) fn set_aside(&self) -> Vec<(&Entry, &str)> {
        self.aside
            .iter()
            .filter_map(|(at, why)| Some((&self.entries.get(*at)?.0, why.as_str())))
            .collect()
    }

    /// The next events, at most that many, in order.
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

    /// A lane that has failed before goes by itself, so that it does not take others down with it.
    fn goes_alone(&self) -> bool {
        self.done == 0 && (self.lane.tries > 0 || self.lane.refusals > 0)
    }

    fn accept(&mut self, count: usize) {
        self.accepted += count;
        while let Some((_, events)) = self.entries.get(self.done) {
            if self.accepted < events.len() {
                break;
            }
            self.accepted -= events.len();
            self.done += 1;
        }
    }

    /// A call with the run's next events was not accepted.
    fn reject(&mut self, rejected: &Rejected) {
        match rejected {
            Rejected::Events(why) => self.refuse(why.clone()),
            Rejected::Transport { retry_after } => {
                self.failure = Some(Failure::Transport {
                    retry_after: *retry_after,
                });
            }
            Rejected::Credentials => self.failure = Some(Failure::Halted),
        }
    }

    /// The transport refused the next event. Often enough, and its entry is set aside and the lane goes on.
    fn refuse(&mut self, why: String) {
        let before = if self.done == 0 { self.lane.refusals } else { 0 };
        let refusals = before.saturating_add(1);
        if refusals < retry::MAX_REFUSALS {
            self.failure = Some(Failure::Refused { refusals });
        } else {
            self.aside.push((self.done, why));
            self.done += 1;
            self.accepted = 0;
        }
    }
}

/// The events of one call, as (run, count) parts in order.
struct Batch {
    parts: Vec<(usize, usize)>,
    events: Vec<Event>,
}

impl Relay {
    /// Hands over what the runs hold until each has come to its end or failed.
    pub(super) async fn deliver(&self, runs: &mut [Run]) {
        let size = self.parts.realtime.limits().events_per_call.max(1);
        while let Some(batch) = self.next_batch(runs, size) {
            let Err(failed) = self.call(&batch.events).await else {
                for (run, count) in batch.parts {
                    runs[run].accept(count);
                }
                continue;
            };
            match failed {
                // One event of many may be at fault: each goes by itself.
                Rejected::Events(_) if batch.events.len() > 1 => {
                    self.deliver_singly(runs, &batch.parts).await;
                }
                rejected => batch
                    .parts
                    .iter()
                    .for_each(|(run, _)| runs[*run].reject(&rejected)),
            }
        }
    }

    async fn deliver_singly(&self, runs: &mut [Run], parts: &[(usize, usize)]) {
        for (run, count) in parts {
            let run = &mut runs[*run];
            for _ in 0..*count {
                if run.failure.is_none() && self.lease_is_over(&run.lane) {
                    run.failure = Some(Failure::LeaseOver);
                }
                let Some(event) = run.next(1).next().cloned() else {
                    break;
                };
                match self.call(std::slice::from_ref(&event)).await {
                    Ok(()) => run.accept(1),
                    Err(rejected) => run.reject(&rejected),
                }
            }
        }
    }

    /// The next call's events: each run's next ones, in order, one run after the other.
    fn next_batch(&self, runs: &mut [Run], size: usize) -> Option<Batch> {
        let mut batch = Batch {
            parts: Vec::new(),
            events: Vec::new(),
        };
        for (index, run) in runs.iter_mut().enumerate() {
            if run.next(1).next().is_none() {
                continue;
            }
            if self.lease_is_over(&run.lane) {
                run.failure = Some(Failure::LeaseOver);
                continue;
            }
            let alone = run.goes_alone();
            if alone && !batch.events.is_empty() {
                continue;
            }
            // A lane that was refused before must not be judged by its later events.
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

    fn lease_is_over(&self, lane: &Lane) -> bool {
        self.parts.clock.now() + self.options().call_timeout > lane.lease_until
    }

    async fn call(&self, events: &[Event]) -> Result<(), Rejected> {
        let published = self.parts.realtime.publish(events);
        let error = match clock::timeout(&*self.parts.clock, self.options().call_timeout, published).await {
            Ok(Ok(())) => {
                self.credentials_were_accepted();
                return Ok(());
            }
            Ok(Err(error)) => error,
            Err(clock::Elapsed) => {
                tracing::warn!("the transport did not answer in time");
                return Err(Rejected::Transport { retry_after: None });
            }
        };
        let cause: &dyn std::error::Error = &error;
        match error.kind() {
            PublishErrorKind::Refused => {
                tracing::warn!(error = cause, "the transport refused events");
                Err(Rejected::Events(error_chain(cause)))
            }
            PublishErrorKind::Busy { retry_after } => {
                tracing::info!(error = cause, "the transport is busy");
                Err(Rejected::Transport { retry_after })
            }
            PublishErrorKind::Down => {
                tracing::warn!(error = cause, "the transport is down");
                Err(Rejected::Transport { retry_after: None })
            }
            PublishErrorKind::Misconfigured => {
                tracing::error!(
                    error = cause,
                    "publishing is halted: the credentials were not accepted"
                );
                self.credentials_were_refused();
                Err(Rejected::Credentials)
            }
        }
    }
}

/// A call that was not accepted.
enum Rejected {
    Events(String),
    Transport { retry_after: Option<Duration> },
    Credentials,
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
