//! What these tests share.

pub(crate) mod digests;
#[cfg(feature = "smtp")]
pub(crate) mod smtp;
