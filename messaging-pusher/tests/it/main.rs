//! The adapters over real sockets: the embedded server, and the clients of Pusher's services at a server that does what
//! it is told.

#![expect(clippy::unwrap_used, reason = "what fails in a test's helper fails the test")]

mod beams;
mod embedded;
mod hosted;
mod support;
