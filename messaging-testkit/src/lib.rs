//! The conformance suite for stores of [`messaging_core`], for hosts with their own backend, and fakes for
//! tests of the ports.
//!
//! One line tests a store: [`conformance!`] generates a `#[test]` per case.
//!
//! | item | purpose |
//! |---|---|
//! | [`conformance!`] | all of the below, as tests of one store |
//! | [`has_capabilities`] | whether a store has exactly the capabilities that its tests list |
//! | [`cases`] | the suite: one case for each sentence of the store contract |
//! | [`compare_with_model`] | random sequences of steps, compared with a model that recounts everything |
//! | [`storm`] | many concurrent threads on one store, and a recount afterwards |
//! | [`simulate_digests`] | simulated days of digest e-mails, sent by workers that die; every e-mail is checked |
//! | [`recount`] | recomputes every number that a store keeps, for use at the end of any test |
//! | [`make`] | users, ids, plans and times, made from small numbers |
//! | [`fake`] | a directory, a transport and a store that fail on demand; mocks |
//!
//! This crate contains no runtime: the host's runs all futures. Nothing sleeps, and the cases set the clock.
//!
//! A broken store fails instead of hanging. Every loop over a store's results is bounded and reports the
//! missing result; a test run whose calls do not return fails after five minutes; a failing thread of the storm
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
