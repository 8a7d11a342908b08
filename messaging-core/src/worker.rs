//! The loops that drive the relay.

use std::sync::Arc;

use crate::relay::Relay;

/// The half of a [`Messaging`](crate::Messaging) that publishes. Run it in one process or in several; drop
/// it in a process that only serves requests.
#[must_use = "nothing is published by this process unless the workers run"]
#[derive(Debug)]
pub struct Workers {
    relay: Arc<Relay>,
}

impl Workers {
    pub(crate) fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }

    /// The relay, to be stepped by hand in tests.
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Publishes until `stop` is ready, then for at most [`drain`](crate::RelayOptions::drain) what is still
    /// at hand or due, and gives back the rest. Never ends before that: whatever fails is logged and tried
    /// again.
    #[cfg(feature = "worker")]
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        self.relay.run(stop).await;
    }
}
