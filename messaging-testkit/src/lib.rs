//! What a store of [`messaging_core`] has to show, for hosts that bring their own backend; and what tests
//! around the core need.
//!
//! One line proves a store: [`conformance!`] makes a `#[test]` of every case.
//!
//! | item | is |
//! |---|---|
//! | [`conformance!`] | all of the below, as tests of one store |
//! | [`has_capabilities`] | whether a store has exactly the capabilities that its tests list |
//! | [`cases`] | the suite: each sentence of the port's contract, as a case |
//! | [`compare_with_model`] | random sequences of steps, compared with a model that recounts everything |
//! | [`storm`] | many threads at once on one store, and a recount afterwards |
//! | [`days_of_mail`] | days in which people are mailed, by workers that die; every e-mail held against what happened |
//! | [`recount`] | counts again all that a store keeps as a number: for use after any ordeal |
//! | [`make`] | people, ids, plans, times: values from small numbers |
//! | [`fake`] | a directory, a transport and a store that fail on demand; mocks |
//!
//! There is no runtime in here: the host's own runs everything. Nothing sleeps, and time is what the cases
//! say it is.
//!
//! A broken store fails, and never hangs. Every loop over a store's answers is bounded, and says what did not happen;
//! a run of a test whose calls do not return fails after five minutes; a thread of the storm that fails ends the
//! others. A store that blocks the calling thread is beyond that: give each test a limit, as `cargo nextest` does.

mod again;
mod backend;
mod case;
mod conformance;
pub mod fake;
mod limit;
mod mail;
pub mod make;
mod model;
mod recount;
mod storm;
mod suite;

pub use backend::{Backend, Fresh};
pub use case::{Case, cases, has_capabilities};
#[doc(hidden)]
pub use futures_util::future::BoxFuture;
pub use mail::days_of_mail;
pub use model::{compare_with_model, compare_with_model_briefly};
pub use recount::{Recount, recount};
pub use storm::storm;
