//! The limits of an embedded server.

use std::time::Duration;

use messaging_core::event::ChannelNames;

/// The limits of an [`EmbeddedChannels`](super::EmbeddedChannels). The defaults suit one process; together they
/// bound the memory that clients can claim.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmbeddedOptions {
    /// How our channels are called; the same names that the rest of the host uses.
    pub names: ChannelNames,
    /// The most connections at a time; who comes later is sent away with 4100. 10,000 by default.
    pub max_connections: usize,
    /// The most channels that one connection may be subscribed to. 100 by default.
    pub max_channels: usize,
    /// The most bytes of one message from a client. What is longer is answered by an error, and what is four
    /// times as long ends the connection. 32 KiB by default.
    pub max_message_bytes: usize,
    /// The most client events of one connection within any second. 10 by default, as on hosted Pusher.
    pub client_events_per_second: usize,
    /// The most messages that wait for one slow connection; one more ends it with 4200. 256 by default.
    pub queue_messages: usize,
    /// The most bytes that wait for one slow connection; more end it with 4200. 1 MiB by default.
    pub queue_bytes: usize,
    /// After how much silence a connection is asked for a sign of life; at least a second, told to clients
    /// in whole seconds. 120 s by default.
    pub activity_timeout: Duration,
    /// How long that sign may take before the connection is ended with 4201. 30 s by default.
    pub pong_timeout: Duration,
    /// How long a connection that is being ended may take to send what waits and to say goodbye. 5 s by
    /// default.
    pub close_timeout: Duration,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            names: ChannelNames::default(),
            max_connections: 10_000,
            max_channels: 100,
            max_message_bytes: 32 * 1024,
            client_events_per_second: 10,
            queue_messages: 256,
            queue_bytes: 1024 * 1024,
            activity_timeout: Duration::from_mins(2),
            pong_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
        }
    }
}

impl EmbeddedOptions {
    /// Sets [`names`](Self::names).
    pub fn with_names(self, names: ChannelNames) -> Self {
        Self { names, ..self }
    }

    /// Sets [`max_connections`](Self::max_connections).
    pub fn with_max_connections(self, max_connections: usize) -> Self {
        Self {
            max_connections,
            ..self
        }
    }

    /// Sets [`max_channels`](Self::max_channels).
    pub fn with_max_channels(self, max_channels: usize) -> Self {
        Self { max_channels, ..self }
    }

    /// Sets [`max_message_bytes`](Self::max_message_bytes).
    pub fn with_max_message_bytes(self, max_message_bytes: usize) -> Self {
        Self {
            max_message_bytes,
            ..self
        }
    }

    /// Sets [`client_events_per_second`](Self::client_events_per_second).
    pub fn with_client_events_per_second(self, client_events_per_second: usize) -> Self {
        Self {
            client_events_per_second,
            ..self
        }
    }

    /// Sets [`queue_messages`](Self::queue_messages) and [`queue_bytes`](Self::queue_bytes).
    pub fn with_queue(self, queue_messages: usize, queue_bytes: usize) -> Self {
        Self {
            queue_messages,
            queue_bytes,
            ..self
        }
    }

    /// Sets [`activity_timeout`](Self::activity_timeout), at least a second.
    pub fn with_activity_timeout(self, activity_timeout: Duration) -> Self {
        Self {
            activity_timeout: activity_timeout.max(Duration::from_secs(1)),
            ..self
        }
    }

    /// Sets [`pong_timeout`](Self::pong_timeout).
    pub fn with_pong_timeout(self, pong_timeout: Duration) -> Self {
        Self { pong_timeout, ..self }
    }

    /// Sets [`close_timeout`](Self::close_timeout).
    pub fn with_close_timeout(self, close_timeout: Duration) -> Self {
        Self {
            close_timeout,
            ..self
        }
    }
}
