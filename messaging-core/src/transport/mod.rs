//! Transports: the traits through which events, notifications and e-mails leave the process. Implemented by adapters.

pub mod channels;
pub mod mailer;
pub mod push;
pub mod realtime;

pub(crate) use crate::host::Cause;
