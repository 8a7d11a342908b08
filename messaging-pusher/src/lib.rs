//! The adapters for Channels take the app's [`Credentials`]. No `Debug` output contains a secret.

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
