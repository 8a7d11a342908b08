//! The loops that drive the relay and the digests.

use std::sync::Arc;

use crate::{digest::Digester, notify::Notifier, relay::Relay};

/// The half of a [`Messaging`](crate::Messaging) that publishes, and mails people who are away. Run it in one
/// process or in several; drop it in a process that only serves requests.
#[must_use = "nothing is published by this process unless the workers run"]
#[derive(Debug)]
pub struct Workers {
    relay: Arc<Relay>,
    digests: Option<Arc<Digester>>,
    notifier: Option<Arc<Notifier>>,
}

impl Workers {
    pub(crate) fn new(
        relay: Arc<Relay>,
        digests: Option<Arc<Digester>>,
        notifier: Option<Arc<Notifier>>,
    ) -> Self {
        Self {
            relay,
            digests,
            notifier,
        }
    }

    /// The relay, to be stepped by hand in tests.
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// The digests, to be stepped by hand in tests; `None` where there is no mailer.
    pub fn digests(&self) -> Option<&Digester> {
        self.digests.as_deref()
    }

    /// The notifications, to be stepped by hand in tests; `None` where there is no push.
    pub fn notifier(&self) -> Option<&Notifier> {
        self.notifier.as_deref()
    }

    /// Publishes and mails until `stop` is ready, then for at most [`drain`](crate::RelayOptions::drain) what is still
    /// at hand or due, and gives back the rest. Never ends before that: whatever fails is logged and tried
    /// again.
    #[cfg(feature = "worker")]
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        use futures_util::{
            FutureExt as _,
            future::{OptionFuture, join3},
        };

        let stop = stop.shared();
        let digests = self.digests.as_ref().map(|digests| digests.run(stop.clone()));
        let notifier = self.notifier.as_ref().map(|notifier| notifier.run(stop.clone()));
        join3(
            self.relay.run(stop),
            OptionFuture::from(digests),
            OptionFuture::from(notifier),
        )
        .await;
    }
}
