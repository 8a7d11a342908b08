//! Reasons for refusing or ending a subscription.

/// The reason for refusing or ending a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The signature is missing or wrong.
    InvalidSignature,
    /// The signature is valid, but this server did not issue it for this connection or has revoked it.
    NotAuthorised,
    /// Access ended while the connection was subscribed.
    Revoked,
    /// The channel is public, and public channels are disabled.
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

    /// The HTTP status that an authorisation endpoint would return, so that a page's handler for 403 also covers
    /// revoked access.
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
