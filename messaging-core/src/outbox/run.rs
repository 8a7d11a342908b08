//! The worker loop of the relay.

use std::{pin::pin, sync::atomic::Ordering, time::Duration};

use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Fuse, FusedFuture},
    stream::FuturesUnordered,
};

use super::Relay;
use crate::{
    clock,
    store::{LaneDeferral, LaneFailure, StoreError},
};

impl Relay {
    pub(crate) async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let clock = &self.parts.clock;
        let active = self.activate_worker();
        let mut stop = pin!(stop);
        let mut rounds = FuturesUnordered::new();
        let mut claim: Fuse<BoxFuture<'_, _>> = Fuse::terminated();
        let mut probe = clock.sleep(Duration::ZERO);
        let mut probes = ProbeLog::default();
        loop {
            let room = self.options().concurrency.saturating_sub(rounds.len());
            let next = self.next_rounds(room);
            let room = room - next.len();
            rounds.extend(next.into_iter().map(|round| self.publish(round)));
            tokio::select! {
                () = &mut stop => break,
                Some(()) = rounds.next(), if !rounds.is_empty() => {}
                () = self.queue.signal().raised() => {
                    if self.woken.swap(false, Ordering::AcqRel) {
                        probe = clock.sleep(Duration::ZERO);
                    }
                }
                () = &mut probe, if claim.is_terminated() && room > 0 => {
                    let limit = self.options().claim_limit.min(room.saturating_mul(self.round_size()));
                    claim = self.claim(limit).boxed().fuse();
                }
                claimed = &mut claim, if !claim.is_terminated() => {
                    probes.note(claimed.as_ref().err());
                    probe = clock.sleep(self.options().probe_every);
                }
            }
        }
        drop(active);
        let drain = async {
            if !claim.is_terminated() {
                probes.note(claim.await.as_ref().err());
            }
            while rounds.next().await.is_some() {}
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
        lanes.extend(self.under_way().drain());
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
