//! `PusherRealtime` over real sockets, with a server that does what it is told.

#![expect(clippy::unwrap_used, reason = "what fails in a test's helper fails the test")]

mod answers;
mod fault_server;
mod house;
mod presence;
mod relay;
mod requests;
mod spelling;
mod tls;
mod webhooks;
