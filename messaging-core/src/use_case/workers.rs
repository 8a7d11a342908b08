//! The workers: the loops that drive the background work.

use std::sync::Arc;

use crate::{digest::Digester, outbox::Relay, push::Notifier};

/// The workers of a [`Messaging`](crate::Messaging): they publish events, and notify users who are away. Run them in at
/// least one process; drop them in a process that only serves requests.
#[must_use = "this process publishes nothing unless the workers run"]
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

    /// The digester, to be stepped by hand in tests; `None` without a mailer.
    pub fn digests(&self) -> Option<&Digester> {
        self.digests.as_deref()
    }

    /// The notifier, to be stepped by hand in tests; `None` without push.
    pub fn notifier(&self) -> Option<&Notifier> {
        self.notifier.as_deref()
    }

    /// Publishes and mails until `stop` is ready, then finishes queued and due work, events for at most
    /// [`RelayOptions::drain`](crate::worker::RelayOptions::drain) and e-mails for at most
    /// [`DigestOptions::drain`](crate::worker::DigestOptions::drain), and releases the leases of the rest. Does not end before `stop` is ready:
    /// failures are logged and retried.
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
