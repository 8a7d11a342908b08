//! Realtime for [`messaging_core`] over the Pusher Channels protocol.
//!
//! | | what it does | feature |
//! |---|---|---|
//! | [`PusherRealtime`] | publishes to Pusher, or to a server of the same protocol; presence and webhooks | `hosted` (default) |
//! | [`PusherSigner`] | signs the subscriptions of pusher-js and its relatives | |
//! | [`EmbeddedChannels`] | serves the protocol from within this process, so that no other server is needed | `embedded` |
//!
//! All are told the app's [`Credentials`]; none ever shows the secret.

mod credentials;
#[cfg(feature = "embedded")]
mod embedded;
#[cfg(feature = "hosted")]
mod hosted;
mod signer;

pub use credentials::{AppKey, AppSecret, Credentials, InvalidAppKey, InvalidAppSecret};
#[cfg(feature = "embedded")]
pub use embedded::{EmbeddedChannels, EmbeddedOptions};
#[cfg(feature = "hosted")]
pub use hosted::{
    AppId, InvalidAppId, InvalidServer, PusherConfig, PusherConfigError, PusherOptions, PusherRealtime,
    PusherServer, Tls,
};
pub use signer::PusherSigner;
