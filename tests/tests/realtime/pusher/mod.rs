//! Servers on PostgreSQL and a real server of the Pusher protocol, and what happens when one of them dies.

mod answers;
mod burst;
mod killed;
mod outage;
mod shared;
mod support;
mod webhooks;
