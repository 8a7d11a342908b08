//! The suites in JavaScript. `.config/nextest.toml` runs each of them with nothing beside it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod javascript;
mod web;
