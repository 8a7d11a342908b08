//! Servers that mail absent users, with a real SMTP server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod killed;
mod page;
mod shared;
mod support;
mod tls;
