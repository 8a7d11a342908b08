use std::sync::Arc;

use super::Operations;
use crate::{error::Error, outbox::Health, store::StoreError};

const READING_HEALTH: &str = "reading the health";

impl Operations<'_> {
    /// Says that something was committed past this instance (an opening in the host's own transaction), so
    /// that it is published at once and not at the next probe.
    pub fn wake(self) {
        self.messaging.0.relay.wake();
        self.messaging.0.relay.watch_for_workers();
    }

    /// How far publishing is behind, and what works, by a look at the store now; sets the gauges of [`telemetry`](crate::telemetry), too.
    /// For probes that anyone may call: [`recent_health`](Self::recent_health).
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store cannot say.
    pub async fn health(self) -> Result<Health, Error> {
        self.messaging
            .0
            .relay
            .health()
            .await
            .map_err(|error| Error::store(error, READING_HEALTH))
    }

    /// The same as of at most a second ago, for probes: the store is looked at once a second at most, and those who ask
    /// meanwhile share the look, and its error.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store cannot say.
    pub async fn recent_health(self) -> Result<Health, Error> {
        let seen = Arc::clone(&self.messaging.0.relay).recent_health().await;
        seen.map_err(|error| {
            let shared = StoreError::new(error.kind(), READING_HEALTH).caused_by(error);
            Error::store(shared, READING_HEALTH)
        })
    }
}
