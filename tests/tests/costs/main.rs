//! Costs, counted or measured.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod load;
mod mailing;
mod size;
mod statements;
