//! The embedded server over real sockets.

#![expect(clippy::unwrap_used, reason = "what fails in a test's helper fails the test")]

mod channels;
mod client;
mod connecting;
mod fragments;
mod house;
mod shutdown;
mod silence;
mod slowness;
