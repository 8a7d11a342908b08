//! The worker loops: one claims and mails users, one retries failed records.

use std::{pin::pin, sync::atomic::Ordering};

use futures_util::future::{Either, select};

use super::{Digester, record::Next};
use crate::{clock, time::Timestamp};

impl Digester {
    pub(crate) async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let (mailing, recording) = (pin!(self.mail_until(stop)), pin!(self.record_until_over()));
        match select(mailing, recording).await {
            Either::Left((drain_until, recording)) => {
                self.unrecorded.close();
                let left = drain_until.since(self.now());
                if clock::timeout(&*self.parts.clock, left, recording).await.is_err() {
                    tracing::warn!(
                        "shutting down with unrecorded digests; they are repeated after their leases expire"
                    );
                }
            }
            // The queue ends only after it has been closed.
            Either::Right(((), mailing)) => drop(mailing.await),
        }
    }

    /// Retries records as they become due, until the queue is closed and empty.
    async fn record_until_over(&self) {
        loop {
            self.record_due().await;
            let raised = self.unrecorded.signal().raised();
            match self.unrecorded.next() {
                Next::Over => return,
                Next::Empty => raised.await,
                Next::At(at) => {
                    let pause = at.since(self.now());
                    drop(select(pin!(raised), self.parts.clock.sleep(pause)).await);
                }
            }
        }
    }

    /// Mails users until `stop` is ready, and finishes the e-mails begun by then. Returns the deadline for shutting
    /// down.
    async fn mail_until(&self, stop: impl Future<Output = ()> + Send) -> Timestamp {
        let clock = &*self.parts.clock;
        let mut stop = pin!(stop);
        let mut is_failing = false;
        loop {
            tokio::select! {
                () = &mut stop => return self.now() + self.parts.options.drain,
                () = clock.sleep(self.parts.options.every) => {}
            }
            let mut mailing = pin!(self.mail_due());
            let stepped = tokio::select! {
                stepped = &mut mailing => stepped,
                () = &mut stop => {
                    self.stopping.store(true, Ordering::Release);
                    let drain = self.parts.options.drain;
                    let until = self.now() + drain;
                    if clock::timeout(clock, drain, mailing).await.is_err() {
                        tracing::warn!("shutting down during a delivery; the digest is repeated after its lease expires");
                    }
                    return until;
                }
            };
            match (stepped, is_failing) {
                (Err(error), false) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "digest users cannot be claimed or listed; retrying");
                    is_failing = true;
                }
                (Ok(_), true) => {
                    tracing::info!("digest users can be claimed and listed again");
                    is_failing = false;
                }
                _ => {}
            }
        }
    }
}
