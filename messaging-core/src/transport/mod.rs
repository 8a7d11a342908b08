//! Transports: the traits through which events, push notifications and e-mails leave the process. Adapters implement
//! them.

pub mod channels;
mod error;
pub mod mailer;
pub mod push;
pub mod realtime;

pub use error::{TransportError, TransportErrorKind};

pub(crate) use crate::host::Cause;
