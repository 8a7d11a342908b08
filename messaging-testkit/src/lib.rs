//! The conformance suite for stores of [`messaging_core`], for hosts with their own backend, and fakes for
//! tests of the ports.
//!
//! One line tests a store: [`conformance!`] generates a `#[test]` per case.
//!
//! | item | is |
//! |---|---|
//! | [`conformance!`] | all of the below, as tests of one store |
//! | [`has_capabilities`] | whether a store has exactly the capabilities that its tests list |
//! | [`cases`] | the suite: each sentence of the port's contract, as a case |
//! | [`compare_with_model`] | random sequences of steps, compared with a model that recounts everything |
//! | [`storm`] | many threads at once on one store, and a recount afterwards |
//! | [`simulate_digests`] | days in which people are mailed, by workers that die; every e-mail held against what happened |
//! | [`recount`] | counts again all that a store keeps as a number: for use after any ordeal |
//! | [`make`] | people, ids, plans, times: values from small numbers |
//! | [`fake`] | a directory, a transport and a store that fail on demand; mocks |
//!
//! This crate contains no runtime: the host's runs all futures. Nothing sleeps, and the cases set the clock.
//!
//! A broken store fails instead of hanging. Every loop over a store's results is bounded and reports what did
//! not happen; a test run whose calls do not return fails after five minutes; a failing thread of the storm
//! ends the others. A store that blocks the calling thread is not covered: give each test a timeout, as `cargo
//! nextest` does.

mod backend;
mod case;
mod conformance;
pub mod fake;
mod limit;
mod mail;
pub mod make;
mod model;
mod recount;
mod retry;
mod storm;
mod suite;

pub use backend::{Backend, Fresh};
pub use case::{Case, cases, has_capabilities};
#[doc(hidden)]
pub use futures_util::future::BoxFuture;
pub use mail::simulate_digests;
pub use model::{compare_with_model, compare_with_model_briefly};
pub use recount::{Recount, recount};
pub use storm::storm;
