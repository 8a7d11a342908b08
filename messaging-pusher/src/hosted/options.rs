//! How an app's server is spoken to.

use std::time::Duration;

use messaging_core::event::ChannelNames;

/// How an app's server is spoken to; the defaults are right for production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PusherOptions {
    pub(super) names: ChannelNames,
    pub(super) call_timeout: Duration,
    pub(super) presence_ttl: Duration,
    pub(super) presence_capacity: usize,
    pub(super) roots_pem: Vec<u8>,
}

impl Default for PusherOptions {
    fn default() -> Self {
        Self {
            names: ChannelNames::default(),
            call_timeout: Duration::from_secs(5),
            presence_ttl: Duration::from_mins(1),
            presence_capacity: 10_000,
            roots_pem: Vec::new(),
        }
    }
}

impl PusherOptions {
    /// How our channels are called: without a prefix by default.
    ///
    /// **These must be the very names that `Messaging` is built with.** Were the prefixes to differ, nobody would
    /// ever be online.
    pub fn with_names(self, names: ChannelNames) -> Self {
        Self { names, ..self }
    }

    /// How long one call may take, from connecting to the last byte of the answer. 5 s by default.
    pub fn with_call_timeout(self, call_timeout: Duration) -> Self {
        Self { call_timeout, ..self }
    }

    /// For how long it is remembered whether a user is connected, unless a webhook says that this may have
    /// changed. 60 s by default.
    pub fn with_presence_ttl(self, presence_ttl: Duration) -> Self {
        Self { presence_ttl, ..self }
    }

    /// Of how many users that is remembered. 10,000 by default.
    pub fn with_presence_capacity(self, presence_capacity: usize) -> Self {
        Self {
            presence_capacity,
            ..self
        }
    }

    /// Certificates to trust beside the system's, in PEM: those of a server of one's own.
    pub fn with_root_certificates(self, pem: impl Into<Vec<u8>>) -> Self {
        Self {
            roots_pem: pem.into(),
            ..self
        }
    }
}
