//! Why a connection is ended, as clients of the protocol understand it.

/// The end of a connection. The code decides what a client does next: from 4000 it stays away, from 4100 it
/// comes back after a second, from 4200 at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// No app has that key.
    UnknownApp,
    /// The client speaks another version of the protocol.
    UnsupportedProtocol,
    /// The client does not say which version it speaks.
    NoProtocol,
    /// Too many subscriptions were refused.
    Unauthorised,
    /// There are as many connections as may be.
    OverCapacity,
    /// What came over the connection is not WebSocket, or is far too large.
    Unreadable,
    /// The server is shutting down.
    GoingAway,
    /// The server is shutting down, and the client came only now: were it to come back at once, it would do
    /// so again and again until the server is gone.
    AlreadyGoing,
    /// The client read too slowly: events were dropped, so that it must connect and fetch again.
    TooSlow,
    /// The client did not answer a ping.
    NoPong,
}

impl Close {
    pub(super) fn code(self) -> u16 {
        match self {
            Self::UnknownApp => 4001,
            Self::UnsupportedProtocol => 4007,
            Self::NoProtocol => 4008,
            Self::Unauthorised => 4009,
            Self::OverCapacity | Self::AlreadyGoing => 4100,
            Self::Unreadable => 4101,
            Self::GoingAway | Self::TooSlow => 4200,
            Self::NoPong => 4201,
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::UnknownApp => "No app has this key",
            Self::UnsupportedProtocol => "Only versions 4 to 7 of the protocol are supported",
            Self::NoProtocol => "No protocol version supplied",
            Self::Unauthorised => "Too many unauthorised subscriptions",
            Self::OverCapacity => "Over capacity",
            Self::Unreadable => "Unreadable message",
            Self::GoingAway => "Server is going away, reconnect",
            Self::AlreadyGoing => "Server is going away",
            Self::TooSlow => "Connection is too slow, reconnect",
            Self::NoPong => "No pong received in time",
        }
    }
}
