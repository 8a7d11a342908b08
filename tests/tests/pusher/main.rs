//! Servers on PostgreSQL and a real server of the Pusher protocol, and what happens when one of them dies.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod burst;
mod house;
mod killed;
mod outage;
mod shared;
mod webhooks;
