//! Events at servers of the Pusher protocol: ours, and one that is not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod protocol;
mod pusher;
