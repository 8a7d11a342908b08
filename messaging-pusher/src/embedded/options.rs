//! What an embedded server allows, and its limits.

use std::time::Duration;

use messaging_core::event::ChannelNames;

/// What an [`EmbeddedChannels`](super::EmbeddedChannels) allows, and its limits. The defaults suit one process. What is
/// set below a sensible minimum becomes that minimum.
///
/// # Memory
///
/// Everything is bounded for each connection, so the bound of the whole is a product:
/// [`max_connections`](Self::with_max_connections) times, at worst,
///
/// | | bytes, by default |
/// |---|---|
/// | what waits to be sent: [`queue_bytes`](Self::with_queue_bytes) and one message more | 128 KiB, and 60 KB (an event of control characters; 20 KB if it is JSON), or the list of a presence channel's 100 members: some 100 KB, 500 KB if made to be large |
/// | a message on its way in: four times [`max_message_bytes`](Self::with_max_message_bytes), twice that in parts | 256 KiB |
/// | subscriptions, and signatures for twice [`max_channels`](Self::with_max_channels) | some 100 KB |
/// | the WebSocket's buffers | 20 KB, and the message on its way out |
///
/// By default that is some 600 KB for a connection whose client means ill, so 6 GB for 10,000 of them. A
/// connection that reads what it is sent takes some 30 KB, and a message to many is in memory once, however
/// many queues it waits in. Choose [`max_connections`](Self::with_max_connections) for the worst case where
/// strangers can connect.
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
    /// The host's own private and presence channels, never ours.
    #[default]
    HostChannels,
    /// Every private and presence channel, ours as well. Blocks and the audit log then no longer hold what users
    /// tell each other.
    AllChannels,
}

/// Whether clients may subscribe to public channels: those named neither `private-…` nor `presence-…`, for which
/// nothing is signed. Anyone who knows the app's key hears what is published there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PublicChannels {
    /// A subscription is refused with `pusher:subscription_error`, status 403.
    #[default]
    Off,
    /// Anyone may subscribe.
    On,
}

/// A subscription to a presence channel fits.
const MIN_MESSAGE_BYTES: usize = 4 * 1024;
/// A connection is greeted, and told why it is closed.
const MIN_QUEUE_MESSAGES: usize = 8;
const MIN_QUEUE_BYTES: usize = 1024;
/// Clients are told whole seconds.
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
    /// How our channels are called: without a prefix by default.
    ///
    /// **These must be the very names that `Messaging` is built with.** The two are not compared. Were the
    /// prefixes to differ, events would still arrive, but our channels would be taken for the host's: a
    /// signature from before a revocation or a restart would be accepted, and nobody would ever be online.
    pub fn with_names(self, names: ChannelNames) -> Self {
        Self { names, ..self }
    }

    /// The channels on which client events are relayed; elsewhere they are answered with `pusher:error` and reach no
    /// subscriber. [`ClientEvents::HostChannels`] by default.
    pub fn with_client_events(self, client_events: ClientEvents) -> Self {
        Self {
            client_events,
            ..self
        }
    }

    /// Whether clients may subscribe to public channels. [`PublicChannels::Off`] by default: we publish on none.
    pub fn with_public_channels(self, public_channels: PublicChannels) -> Self {
        Self {
            public_channels,
            ..self
        }
    }

    /// The most connections at a time; who comes later is sent away with 4100. 10,000 by default; at least 1.
    pub fn with_max_connections(self, max_connections: usize) -> Self {
        Self {
            max_connections: max_connections.max(1),
            ..self
        }
    }

    /// The most channels that one connection may be subscribed to. 100 by default; at least 1.
    pub fn with_max_channels(self, max_channels: usize) -> Self {
        Self {
            max_channels: max_channels.max(1),
            ..self
        }
    }

    /// The most bytes of one message from a client. What is longer is answered by an error, and what is four
    /// times as long ends the connection. 32 KiB by default; at least 4 KiB.
    pub fn with_max_message_bytes(self, max_message_bytes: usize) -> Self {
        Self {
            max_message_bytes: max_message_bytes.max(MIN_MESSAGE_BYTES),
            ..self
        }
    }

    /// How many messages of one connection, of whatever kind, are read each second, once a burst of so many
    /// is used up. A message that comes in parts counts once. What comes faster is not refused: it waits unread, which slows its client down. 100 after
    /// a burst of 200 by default; both at least 1.
    pub fn with_messages_per_second(self, messages_per_second: u32, burst: u32) -> Self {
        Self {
            messages_per_second: messages_per_second.max(1),
            message_burst: burst.max(1),
            ..self
        }
    }

    /// The most client events of one connection within any second. 10 by default, as on hosted Pusher; at
    /// least 1.
    pub fn with_client_events_per_second(self, client_events_per_second: usize) -> Self {
        Self {
            client_events_per_second: client_events_per_second.max(1),
            ..self
        }
    }

    /// The most messages that wait for one slow connection; one more ends it with 4200. 1,024 by default; at
    /// least 8.
    pub fn with_queue_messages(self, queue_messages: usize) -> Self {
        Self {
            queue_messages: queue_messages.max(MIN_QUEUE_MESSAGES),
            ..self
        }
    }

    /// Once so many bytes wait for one slow connection, another message ends it with 4200; a single message
    /// always fits, however long it is. 128 KiB by default; at least 1 KiB.
    pub fn with_queue_bytes(self, queue_bytes: usize) -> Self {
        Self {
            queue_bytes: queue_bytes.max(MIN_QUEUE_BYTES),
            ..self
        }
    }

    /// After how much silence a connection is asked for a sign of life; told to clients in whole seconds.
    /// 120 s by default; at least 1 s.
    pub fn with_activity_timeout(self, activity_timeout: Duration) -> Self {
        Self {
            activity_timeout: activity_timeout.max(MIN_TIMEOUT),
            ..self
        }
    }

    /// How long that sign may take before the connection is ended with 4201; and how long it may take the
    /// connection to accept what is written to it before it is ended as too slow. 30 s by default; at least
    /// 1 s.
    pub fn with_pong_timeout(self, pong_timeout: Duration) -> Self {
        Self {
            pong_timeout: pong_timeout.max(MIN_TIMEOUT),
            ..self
        }
    }

    /// How long a connection that is being ended may take to send what waits and to say goodbye. 5 s by
    /// default; at least 0.1 s.
    pub fn with_close_timeout(self, close_timeout: Duration) -> Self {
        Self {
            close_timeout: close_timeout.max(MIN_CLOSE_TIMEOUT),
            ..self
        }
    }

    /// The pace of one call that publishes.
    pub(super) fn pace(&self) -> Pace {
        Pace {
            messages: self.queue_messages / 4,
            bytes: self.queue_bytes / 4,
            messages_since: 0,
            bytes_since: 0,
        }
    }
}

/// Says when whoever publishes much at once lets others have their turn: before it has filled a quarter of
/// the queue of a connection that is read from.
#[derive(Debug)]
pub(super) struct Pace {
    messages: usize,
    bytes: usize,
    messages_since: usize,
    bytes_since: usize,
}

impl Pace {
    /// Whether to let others have their turn before a message of so many bytes.
    pub(super) fn pauses_before(&mut self, bytes: usize) -> bool {
        let is_due = self.messages_since > 0
            && (self.messages_since >= self.messages || self.bytes_since.saturating_add(bytes) > self.bytes);
        if is_due {
            (self.messages_since, self.bytes_since) = (0, 0);
        }
        self.messages_since += 1;
        self.bytes_since = self.bytes_since.saturating_add(bytes);
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_be_set_to_nothing() {
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
    fn a_quarter_of_a_queue_is_published_at_a_time() {
        let options = EmbeddedOptions::default()
            .with_queue_messages(12)
            .with_queue_bytes(4000);
        let check = |bytes: &[usize], pauses: &[bool]| {
            let mut pace = options.pace();
            let found: Vec<_> = bytes.iter().map(|bytes| pace.pauses_before(*bytes)).collect();
            assert_eq!(found, pauses, "{bytes:?}");
        };
        check(&[1; 7], &[false, false, false, true, false, false, true]);
        check(&[500, 500, 1, 1], &[false, false, true, false]);
        check(&[9000, 9000, 1], &[false, true, true]);
    }
}
