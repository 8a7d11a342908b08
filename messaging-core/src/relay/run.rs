//! The loop.

use std::pin::pin;

use futures_util::{StreamExt, stream::FuturesUnordered};

use super::{Handoff, Relay};
use crate::{
    clock,
    port::store::{LaneDelay, LaneFailure, StoreError},
};

impl Relay {
    pub(crate) async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let attending = self.attend();
        let mut stop = pin!(stop);
        let mut under_way = FuturesUnordered::new();
        let mut probe = self.clock.sleep(std::time::Duration::ZERO);
        let mut probing = ProbeLog::default();
        loop {
            let room = self.options.concurrency.max(1).saturating_sub(under_way.len());
            tokio::select! {
                () = &mut stop => break,
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
                () = self.handoffs.signal().raised(), if room > 0 => {
                    let rounds = self.handed_rounds(room);
                    // What did not fit is taken when there is room again.
                    if rounds.len() == room {
                        self.handoffs.signal().raise();
                    }
                    let none_at_hand = rounds.is_empty();
                    under_way.extend(rounds.into_iter().map(|round| self.publish(round)));
                    if none_at_hand {
                        probe = self.clock.sleep(std::time::Duration::ZERO);
                    }
                }
                () = &mut probe, if room > 0 => {
                    let claimed = self.claimed_rounds(self.options.claim_limit).await;
                    probing.note(claimed.as_ref().err());
                    under_way.extend(claimed.unwrap_or_default().into_iter().map(|round| self.publish(round)));
                    probe = self.clock.sleep(self.options.probe_every);
                }
            }
        }
        drop(attending);
        let drain = async {
            while under_way.next().await.is_some() {}
            while matches!(self.step().await, Ok(1..)) {}
        };
        if clock::timeout(&*self.clock, self.options.drain, drain)
            .await
            .is_err()
        {
            tracing::warn!("shutting down before everything was published: the rest stays in the outbox");
        }
        self.give_back().await;
    }

    /// Gives back what was handed over and cannot be published any more.
    async fn give_back(&self) {
        let now = self.clock.now();
        let delay = |handoff: Handoff| LaneDelay {
            conversation_id: handoff.lane.conversation_id,
            lease_until: handoff.lane.lease_until,
            until: now,
            failure: LaneFailure::None,
        };
        let delays: Vec<_> = self.handoffs.take(usize::MAX).into_iter().map(delay).collect();
        if delays.is_empty() {
            return;
        }
        if let Err(error) = self.store.delay_lanes(self.id, &delays).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(
                error,
                "lanes were not given back: they are due when their lease is over"
            );
        }
    }
}

/// Logs the first of a row of failures, and the end of the row.
#[derive(Default)]
struct ProbeLog {
    failing: bool,
}

impl ProbeLog {
    fn note(&mut self, error: Option<&StoreError>) {
        if let (Some(error), false) = (error, self.failing) {
            let error: &dyn std::error::Error = error;
            tracing::error!(error, "lanes cannot be claimed; trying again");
        }
        if error.is_none() && self.failing {
            tracing::info!("lanes can be claimed again");
        }
        self.failing = error.is_some();
    }
}
