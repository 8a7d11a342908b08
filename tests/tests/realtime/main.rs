//! Events at servers of the Pusher protocol: ours, and one by another project.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod protocol;
mod pusher;
