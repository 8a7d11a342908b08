//! Realtime for [`messaging_core`] over the Pusher Channels protocol.
//!
//! | | what it does | feature |
//! |---|---|---|
//! | [`PusherSigner`] | signs the subscriptions of pusher-js and its relatives | |
//! | [`EmbeddedChannels`] | serves the protocol from within this process, so that no other server is needed | `embedded` |
//!
//! Both are told the app's [`Credentials`]; neither ever shows the secret.

mod credentials;
#[cfg(feature = "embedded")]
mod embedded;
mod signer;

pub use credentials::{AppKey, AppSecret, Credentials, InvalidAppKey, InvalidAppSecret};
#[cfg(feature = "embedded")]
pub use embedded::{EmbeddedChannels, EmbeddedOptions};
pub use signer::PusherSigner;
