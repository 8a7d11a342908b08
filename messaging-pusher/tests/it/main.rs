//! The adapters over real sockets: the embedded server, and the clients of Pusher's services with a local
//! server that replies as configured.

#![expect(clippy::unwrap_used, reason = "what fails in a test's helper fails the test")]

mod beams;
mod embedded;
mod hosted;
mod support;
