//! Digests as e-mails: their contents, and their delivery.

mod rendering;
#[cfg(feature = "smtp")]
mod smtp;
mod support;
