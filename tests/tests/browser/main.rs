//! The JavaScript suites. `.config/nextest.toml` runs each of them alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod javascript;
mod web;
