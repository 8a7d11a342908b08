//! Options of the Channels client.

use std::time::Duration;

use messaging_core::event::ChannelNames;

/// Options of [`PusherRealtime`](super::PusherRealtime). The defaults suit production.
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
    /// The names of the messaging API's channels. No prefix by default.
    ///
    /// **Pass the same names as to `Messaging`.** With different prefixes, presence reports every user as offline.
    pub fn with_names(self, names: ChannelNames) -> Self {
        Self { names, ..self }
    }

    /// Sets the timeout of one call, from connecting to the last byte of the response. 5 s by default.
    pub fn with_call_timeout(self, call_timeout: Duration) -> Self {
        Self { call_timeout, ..self }
    }

    /// Sets the time for which a user's presence is cached. A webhook invalidates it earlier. 60 s by default.
    pub fn with_presence_ttl(self, presence_ttl: Duration) -> Self {
        Self { presence_ttl, ..self }
    }

    /// Sets the maximum number of users in the presence cache. 10,000 by default.
    pub fn with_presence_capacity(self, presence_capacity: usize) -> Self {
        Self {
            presence_capacity,
            ..self
        }
    }

    /// Adds root certificates in PEM to those of the system, for a server with a private certificate authority.
    pub fn with_root_certificates(self, pem: impl Into<Vec<u8>>) -> Self {
        Self {
            roots_pem: pem.into(),
            ..self
        }
    }
}
