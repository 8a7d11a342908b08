//! Servers on PostgreSQL with a real server of the Pusher protocol, and failures of either.

mod answers;
mod burst;
mod killed;
mod outage;
mod shared;
mod support;
mod webhooks;
