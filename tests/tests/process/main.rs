//! The programs as processes: how they are configured, what operators run and see, how they stop.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod configuration;
mod directory_lock;
mod embed;
mod examples;
mod observability;
mod outbox_command;
mod personal;
mod quiet_logs;
mod stopping;
mod stopping_clients;
mod verify;
