//! The worker loop of the relay.

use std::{pin::pin, sync::atomic::Ordering, time::Duration};

use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Fuse, FusedFuture},
    stream::FuturesUnordered,
};

use super::{
    Relay,
    acknowledge::{LANES, WAIT},
};
use crate::{
    clock,
    store::{LaneDeferral, LaneFailure, StoreError},
};

/// No round begins while so many delivered lanes wait for an acknowledgement: the store is slow or down.
const MAX_DELIVERED: usize = 16 * LANES;

impl Relay {
    pub(crate) async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let clock = &self.parts.clock;
        let active = self.activate_worker();
        let mut stop = pin!(stop);
        let (mut rounds, mut acknowledgements) = (FuturesUnordered::new(), FuturesUnordered::new());
        let mut wait: Fuse<BoxFuture<'_, ()>> = Fuse::terminated();
        let mut claim: Fuse<BoxFuture<'_, _>> = Fuse::terminated();
        let mut probe = clock.sleep(Duration::ZERO);
        let mut probes = ProbeLog::default();
        // The room that a claim needs.
        let mut needed = 1;
        loop {
            let delivered = self.held.delivered();
            let may_acknowledge = acknowledgements.len() < self.options().concurrency;
            if may_acknowledge && (delivered >= LANES || self.held.is_urgent()) {
                acknowledgements.push(self.acknowledge_next());
                continue;
            }
            if delivered > 0 && wait.is_terminated() {
                wait = clock.sleep(WAIT).boxed().fuse();
            }
            let at_once = if delivered < MAX_DELIVERED {
                self.options().concurrency
            } else {
                0
            };
            let room = at_once.saturating_sub(rounds.len());
            let next = self.next_rounds(room);
            let room = room - next.len();
            rounds.extend(next.into_iter().map(|round| self.publish(round)));
            tokio::select! {
                () = &mut stop => break,
                Some(()) = rounds.next(), if !rounds.is_empty() => {}
                Some(()) = acknowledgements.next(), if !acknowledgements.is_empty() => {}
                () = &mut wait, if may_acknowledge && !wait.is_terminated() => {
                    acknowledgements.push(self.acknowledge_next());
                }
                () = self.queue.signal().raised() => {
                    if self.woken.swap(false, Ordering::AcqRel) {
                        probe = clock.sleep(Duration::ZERO);
                    }
                }
                () = &mut probe, if claim.is_terminated() && room >= needed => {
                    let limit = self.options().claim_limit.min(room.saturating_mul(self.round_size()));
                    claim = self.claim(limit).boxed().fuse();
                }
                claimed = &mut claim, if !claim.is_terminated() => {
                    probes.note(claimed.as_ref().err());
                    // What else is due is claimed as soon as there is room for a good part of it.
                    let may_be_more = claimed.unwrap_or(false);
                    let at_once = self.options().concurrency;
                    let pause;
                    (needed, pause) = if may_be_more {
                        (at_once.div_ceil(2), Duration::ZERO)
                    } else {
                        (1, self.options().probe_every)
                    };
                    probe = clock.sleep(pause);
                }
            }
        }
        drop(active);
        let drain = async {
            if !claim.is_terminated() {
                probes.note(claim.await.as_ref().err());
            }
            while rounds.next().await.is_some() {}
            while acknowledgements.next().await.is_some() {}
            self.acknowledge_all().await;
            while matches!(self.step().await, Ok(1..)) {}
        };
        if clock::timeout(&**clock, self.options().drain, drain)
            .await
            .is_err()
        {
            tracing::warn!(
                "shutting down before all due events were published; the rest stays in the outbox"
            );
        }
        self.give_back().await;
    }

    /// Releases the leases of lanes that this process will not publish any more.
    async fn give_back(&self) {
        let now = self.parts.clock.now();
        let waiting = self.queue.take(usize::MAX, now).into_iter();
        let mut lanes: Vec<_> = waiting
            .map(|work| (work.lane.conversation_id, work.lane.lease_until))
            .collect();
        lanes.extend(self.held.release_all());
        lanes.sort_unstable();
        lanes.dedup();
        let delay = |(conversation_id, lease_until)| LaneDeferral {
            conversation_id,
            lease_until,
            until: now,
            failure: LaneFailure::None,
        };
        let deferrals: Vec<_> = lanes.into_iter().map(delay).collect();
        if deferrals.is_empty() {
            return;
        }
        let given_back = self.parts.store.defer_lanes(self.id, &deferrals);
        if let Err(error) = self.in_time("releasing lanes", given_back).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(
                error,
                "releasing lanes failed; they are due when their leases expire"
            );
        }
    }
}

/// Logs the first of consecutive failures, and the first success after them.
#[derive(Default)]
struct ProbeLog {
    failing: bool,
}

impl ProbeLog {
    fn note(&mut self, error: Option<&StoreError>) {
        if let (Some(error), false) = (error, self.failing) {
            let error: &dyn std::error::Error = error;
            tracing::error!(error, "lanes cannot be claimed; retrying");
        }
        if error.is_none() && self.failing {
            tracing::info!("lanes can be claimed again");
        }
        self.failing = error.is_some();
    }
}
