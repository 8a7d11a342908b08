//! Why a connection is not subscribed to a channel.

/// Why a connection is not, or no longer, subscribed to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The signature is missing, or another was due.
    InvalidSignature,
    /// The signature is right, but was not made here for this connection, or was revoked since.
    NotAuthorised,
    /// Access ended while the connection was subscribed.
    Revoked,
    /// The channel needs no signature, and the host has not turned such channels on.
    PublicChannel,
    InvalidMemberData,
    MemberIdTooLong,
    MemberDataTooLarge,
    ChannelFull,
    TooManyChannels,
}

impl Refusal {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::InvalidSignature | Self::NotAuthorised | Self::Revoked | Self::PublicChannel => "AuthError",
            Self::InvalidMemberData => "InvalidSubscription",
            Self::MemberIdTooLong | Self::MemberDataTooLarge | Self::ChannelFull | Self::TooManyChannels => {
                "LimitReached"
            }
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Self::InvalidSignature => "Invalid signature",
            Self::NotAuthorised => "Not authorised for this connection",
            Self::Revoked => "Access to the channel has ended",
            Self::PublicChannel => "Public channels are not enabled",
            Self::InvalidMemberData => "Invalid channel_data",
            Self::MemberIdTooLong => "The user_id is longer than 128 characters",
            Self::MemberDataTooLarge => "The user_info is larger than 1 KB",
            Self::ChannelFull => "The channel has 100 members already",
            Self::TooManyChannels => "The connection is subscribed to too many channels",
        }
    }

    /// The status as of an authorisation endpoint: a page that handles that endpoint's 403 handles the loss
    /// of access too.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::InvalidSignature | Self::NotAuthorised => 401,
            Self::Revoked | Self::PublicChannel => 403,
            Self::InvalidMemberData => 400,
            Self::MemberIdTooLong | Self::MemberDataTooLarge => 413,
            Self::ChannelFull | Self::TooManyChannels => 429,
        }
    }
}
