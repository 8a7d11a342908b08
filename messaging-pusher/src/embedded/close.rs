//! Reasons for closing a connection.

/// The reason for closing a connection. The code determines the client's reaction: below 4100 it does not reconnect,
/// below 4200 it reconnects after a second, from 4200 at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// The app key is unknown.
    UnknownApp,
    /// The protocol version is not supported.
    UnsupportedProtocol,
    /// The client sent no protocol version.
    NoProtocol,
    /// Too many signatures were invalid.
    Unauthorised,
    /// The server has the maximum number of connections.
    OverCapacity,
    /// The input is not WebSocket or far exceeds the message limit.
    Unreadable,
    /// The server is shutting down, and the connection was open.
    GoingAway,
    /// The server is shutting down, and the connection is new. With [`GoingAway`](Self::GoingAway) the client would
    /// reconnect immediately and repeatedly until the server is gone.
    ShuttingDown,
    /// The client read too slowly and events were dropped: it must reconnect and fetch again.
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
            Self::OverCapacity | Self::ShuttingDown => 4100,
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
            Self::ShuttingDown => "Server is going away",
            Self::TooSlow => "Connection is too slow, reconnect",
            Self::NoPong => "No pong received in time",
        }
    }
}
