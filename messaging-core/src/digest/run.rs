//! The loop.

use std::{pin::pin, sync::atomic::Ordering};

use super::Digester;
use crate::clock;

impl Digester {
    pub(crate) async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let clock = &*self.parts.reach.clock;
        let mut stop = pin!(stop);
        let mut is_failing = false;
        loop {
            tokio::select! {
                () = &mut stop => return,
                () = clock.sleep(self.parts.options.every) => {}
            }
            let mut mailing = pin!(self.step());
            let stepped = tokio::select! {
                stepped = &mut mailing => stepped,
                () = &mut stop => {
                    self.stopping.store(true, Ordering::Release);
                    if clock::timeout(clock, self.parts.options.drain, mailing).await.is_err() {
                        tracing::warn!("shutting down amid an e-mail: it is repeated when its lease is over");
                    }
                    return;
                }
            };
            match (stepped, is_failing) {
                (Err(error), false) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "people cannot be mailed; trying again");
                    is_failing = true;
                }
                (Ok(_), true) => {
                    tracing::info!("people can be mailed again");
                    is_failing = false;
                }
                _ => {}
            }
        }
    }
}
