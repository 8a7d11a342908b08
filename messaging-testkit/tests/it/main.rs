//! Tests of the kit: the suite passes on a correct store and fails on broken ones, and the fakes behave as
//! documented.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fakes;
mod memory;
mod mutants;
