//! Options and limits of the embedded server.

use std::time::Duration;

use messaging_core::event::ChannelNames;

/// Options and limits of [`EmbeddedChannels`](super::EmbeddedChannels). The defaults suit one process. Values below the
/// documented minimum are raised to it.
///
/// # Memory
///
/// Memory is bounded for each connection. The total bound is [`max_connections`](Self::with_max_connections) times this
/// worst case:
///
/// | for each connection | bytes, by default |
/// |---|---|
/// | send queue: [`queue_bytes`](Self::with_queue_bytes) and one more message | 128 KiB, and 60 KB (an event of control characters; 20 KB if it is JSON) or the list of a presence channel's 100 members (about 100 KB, at most 500 KB) |
/// | incoming message: four times [`max_message_bytes`](Self::with_max_message_bytes), twice that if fragmented | 256 KiB |
/// | subscriptions, and signatures for twice [`max_channels`](Self::with_max_channels) | about 100 KB |
/// | WebSocket buffers | 20 KB, and the outgoing message |
///
/// By default this is about 600 KB for a hostile client, so 6 GB for 10,000 of them. A connection that reads its events
/// takes about 30 KB. An event is in memory once, whatever the number of queues that contain it. Where untrusted
/// clients can connect, choose [`max_connections`](Self::with_max_connections) for the worst case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedOptions {
    pub(super) names: ChannelNames,
    pub(super) client_events: ClientEvents,
    pub(super) public_channels: PublicChannels,
    pub(super) max_connections: usize,
    pub(super) max_channels: usize,
    pub(super) max_message_bytes: usize,
    pub(super) messages_per_second: u32,
    pub(super) message_burst: u32,
    pub(super) client_events_per_second: usize,
    pub(super) queue_messages: usize,
    pub(super) queue_bytes: usize,
    pub(super) activity_timeout: Duration,
    pub(super) pong_timeout: Duration,
    pub(super) close_timeout: Duration,
}

/// The channels on which the server relays client events: events named `client-…`, which a page sends to the other
/// subscribers of a private or presence channel.
///
/// The server checks nothing in a client event but its length and rate. On a conversation's channels it would carry
/// text past blocks, closed conversations, rate limits, reports and the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientEvents {
    /// No channel.
    Off,
    /// The host's own private and presence channels, not those of the messaging API.
    #[default]
    HostChannels,
    /// Every private and presence channel, including those of the messaging API. Blocks and the audit log then no
    /// longer cover everything that users send each other.
    AllChannels,
}

/// Whether clients may subscribe to public channels: channels named neither `private-…` nor `presence-…`, which need no
/// signature. Any client with the app's key receives the events published there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PublicChannels {
    /// A subscription is refused with `pusher:subscription_error`, status 403.
    #[default]
    Off,
    /// Any client may subscribe.
    On,
}

/// Room for a subscription to a presence channel.
const MIN_MESSAGE_BYTES: usize = 4 * 1024;
/// Room for the greeting and the close reason.
const MIN_QUEUE_MESSAGES: usize = 8;
const MIN_QUEUE_BYTES: usize = 1024;
/// The protocol transmits whole seconds.
const MIN_TIMEOUT: Duration = Duration::from_secs(1);
const MIN_CLOSE_TIMEOUT: Duration = Duration::from_millis(100);

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            names: ChannelNames::default(),
            client_events: ClientEvents::default(),
            public_channels: PublicChannels::default(),
            max_connections: 10_000,
            max_channels: 100,
            max_message_bytes: 32 * 1024,
            messages_per_second: 100,
            message_burst: 200,
            client_events_per_second: 10,
            queue_messages: 1024,
            queue_bytes: 128 * 1024,
            activity_timeout: Duration::from_mins(2),
            pong_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
        }
    }
}

impl EmbeddedOptions {
    /// The names of the messaging API's channels. No prefix by default.
    ///
    /// **Pass the same names as to `Messaging`.** The two are not compared. With different prefixes events still
    /// arrive, but the server treats the messaging API's channels as the host's: it accepts signatures from before a
    /// revocation or a restart, and presence reports every user as offline.
    pub fn with_names(self, names: ChannelNames) -> Self {
        Self { names, ..self }
    }

    /// The channels on which client events are relayed. On other channels the sender receives `pusher:error` and no
    /// subscriber receives the event. [`ClientEvents::HostChannels`] by default.
    pub fn with_client_events(self, client_events: ClientEvents) -> Self {
        Self {
            client_events,
            ..self
        }
    }

    /// Whether clients may subscribe to public channels. [`PublicChannels::Off`] by default: the messaging API
    /// publishes on none.
    pub fn with_public_channels(self, public_channels: PublicChannels) -> Self {
        Self {
            public_channels,
            ..self
        }
    }

    /// Maximum number of concurrent connections; further ones are refused with 4100. 10,000 by default; at least 1.
    pub fn with_max_connections(self, max_connections: usize) -> Self {
        Self {
            max_connections: max_connections.max(1),
            ..self
        }
    }

    /// Maximum number of channels that one connection is subscribed to. 100 by default; at least 1.
    pub fn with_max_channels(self, max_channels: usize) -> Self {
        Self {
            max_channels: max_channels.max(1),
            ..self
        }
    }

    /// Maximum length of a client message, in bytes. A longer message is answered with an error; one of more than four
    /// times the limit closes the connection. 32 KiB by default; at least 4 KiB.
    pub fn with_max_message_bytes(self, max_message_bytes: usize) -> Self {
        Self {
            max_message_bytes: max_message_bytes.max(MIN_MESSAGE_BYTES),
            ..self
        }
    }

    /// Read rate for one connection, in messages a second after a burst of `burst` messages. Counts every kind of
    /// WebSocket message; a fragmented message counts once. Messages above the rate are not refused: they stay unread,
    /// which slows the client down. 100 after a burst of 200 by default; both at least 1.
    pub fn with_messages_per_second(self, messages_per_second: u32, burst: u32) -> Self {
        Self {
            messages_per_second: messages_per_second.max(1),
            message_burst: burst.max(1),
            ..self
        }
    }

    /// Maximum number of client events of one connection within any second. 10 by default, as on hosted Pusher; at
    /// least 1.
    pub fn with_client_events_per_second(self, client_events_per_second: usize) -> Self {
        Self {
            client_events_per_second: client_events_per_second.max(1),
            ..self
        }
    }

    /// Maximum number of messages queued for a slow connection; one more closes it with 4200. 1,024 by default; at
    /// least 8.
    pub fn with_queue_messages(self, queue_messages: usize) -> Self {
        Self {
            queue_messages: queue_messages.max(MIN_QUEUE_MESSAGES),
            ..self
        }
    }

    /// Maximum number of bytes queued for a slow connection before another message closes it with 4200. A single
    /// message always fits, whatever its length. 128 KiB by default; at least 1 KiB.
    pub fn with_queue_bytes(self, queue_bytes: usize) -> Self {
        Self {
            queue_bytes: queue_bytes.max(MIN_QUEUE_BYTES),
            ..self
        }
    }

    /// Time without messages after which the server pings a connection; sent to clients in whole seconds. 120 s by
    /// default; at least 1 s.
    pub fn with_activity_timeout(self, activity_timeout: Duration) -> Self {
        Self {
            activity_timeout: activity_timeout.max(MIN_TIMEOUT),
            ..self
        }
    }

    /// Time to answer a ping before the connection is closed with 4201. Also the time limit of a write before the
    /// connection is closed as too slow. 30 s by default; at least 1 s.
    pub fn with_pong_timeout(self, pong_timeout: Duration) -> Self {
        Self {
            pong_timeout: pong_timeout.max(MIN_TIMEOUT),
            ..self
        }
    }

    /// Time for a closing connection to send its queue and complete the close handshake. 5 s by default; at least 0.1
    /// s.
    pub fn with_close_timeout(self, close_timeout: Duration) -> Self {
        Self {
            close_timeout: close_timeout.max(MIN_CLOSE_TIMEOUT),
            ..self
        }
    }

    /// The yield policy for one call of `publish`.
    pub(super) fn yield_policy(&self) -> YieldPolicy {
        YieldPolicy {
            messages: self.queue_messages / 4,
            bytes: self.queue_bytes / 4,
            messages_since: 0,
            bytes_since: 0,
        }
    }
}

/// Decides when a publisher yields to other tasks: before it has filled a quarter of a connection's queue, so that a
/// reading client is not closed as too slow.
#[derive(Debug)]
pub(super) struct YieldPolicy {
    messages: usize,
    bytes: usize,
    messages_since: usize,
    bytes_since: usize,
}

impl YieldPolicy {
    /// Whether to yield before publishing a message of `bytes` bytes.
    pub(super) fn yields_before(&mut self, bytes: usize) -> bool {
        let yields = self.messages_since > 0
            && (self.messages_since >= self.messages || self.bytes_since.saturating_add(bytes) > self.bytes);
        if yields {
            (self.messages_since, self.bytes_since) = (0, 0);
        }
        self.messages_since += 1;
        self.bytes_since = self.bytes_since.saturating_add(bytes);
        yields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_minimum() {
        let zero = Duration::ZERO;
        let least = EmbeddedOptions::default()
            .with_max_connections(0)
            .with_max_channels(0)
            .with_max_message_bytes(0)
            .with_messages_per_second(0, 0)
            .with_client_events_per_second(0)
            .with_queue_messages(0)
            .with_queue_bytes(0)
            .with_activity_timeout(zero)
            .with_pong_timeout(zero)
            .with_close_timeout(zero);
        let expected = EmbeddedOptions {
            names: ChannelNames::default(),
            client_events: ClientEvents::HostChannels,
            public_channels: PublicChannels::Off,
            max_connections: 1,
            max_channels: 1,
            max_message_bytes: 4096,
            messages_per_second: 1,
            message_burst: 1,
            client_events_per_second: 1,
            queue_messages: 8,
            queue_bytes: 1024,
            activity_timeout: Duration::from_secs(1),
            pong_timeout: Duration::from_secs(1),
            close_timeout: Duration::from_millis(100),
        };
        assert_eq!(least, expected);
    }

    #[test]
    fn a_publisher_yields_before_it_fills_a_quarter_of_a_queue() {
        let options = EmbeddedOptions::default()
            .with_queue_messages(12)
            .with_queue_bytes(4000);
        let check = |bytes: &[usize], expected: &[bool]| {
            let mut policy = options.yield_policy();
            let found: Vec<_> = bytes.iter().map(|bytes| policy.yields_before(*bytes)).collect();
            assert_eq!(found, expected, "{bytes:?}");
        };
        check(&[1; 7], &[false, false, false, true, false, false, true]);
        check(&[500, 500, 1, 1], &[false, false, true, false]);
        check(&[9000, 9000, 1], &[false, true, true]);
    }
}
