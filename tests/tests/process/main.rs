//! The programs as processes: configuration, commands for operators, observability and shutdown.

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
