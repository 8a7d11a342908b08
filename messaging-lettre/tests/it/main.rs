//! Digests as e-mails: what they say, and how they are sent.

mod rendering;
#[cfg(feature = "smtp")]
mod smtp;
mod support;
