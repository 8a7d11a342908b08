//! The kit itself: the suite passes on a whole store and fails on broken ones, and the fakes do what they say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fakes;
mod memory;
mod mutants;
