//! Realtime for [`messaging_core`] over the Pusher Channels protocol.
//!
//! | | what it does | feature |
//! |---|---|---|
//! | [`PusherRealtime`] | publishes to Pusher, or to a server of the same protocol; presence and webhooks | `hosted` (default) |
//! | [`PusherSigner`] | signs the subscriptions of pusher-js and its relatives | |
//! | [`BeamsPush`] | notifies the devices of people who are away | `beams` |
//! | [`EmbeddedChannels`] | serves the protocol from within this process, so that no other server is needed | `embedded` |
//!
//! All are told the app's [`Credentials`]; none ever shows the secret.

#[cfg(feature = "beams")]
mod beams;
mod credentials;
#[cfg(feature = "embedded")]
mod embedded;
#[cfg(feature = "hosted")]
mod hosted;
#[cfg(any(feature = "beams", feature = "hosted"))]
mod setting;
mod signer;

#[cfg(feature = "beams")]
pub use beams::{BeamsConfig, BeamsConfigError, BeamsContent, BeamsPush};
pub use credentials::{AppKey, AppSecret, Credentials, InvalidAppKey, InvalidAppSecret};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use embedded::fuzzing;
#[cfg(feature = "embedded")]
pub use embedded::{ClientEvents, EmbeddedChannels, EmbeddedOptions, PublicChannels};
#[cfg(feature = "hosted")]
pub use hosted::{
    AppId, InvalidAppId, InvalidServer, PusherConfig, PusherConfigError, PusherOptions, PusherRealtime,
    PusherServer, Tls,
};
pub use signer::PusherSigner;
