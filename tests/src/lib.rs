//! Tests across crates. The tests of the running server are in `tests/`, with a binary per subject; their
//! shared fixtures are in this library; the JavaScript suites are in `js/`. `README.md` says where to add a
//! test.

mod api;
mod binary;
mod environment;
pub mod js;
mod line;
mod log;
mod patience;
mod program;
pub mod schemathesis;
mod server;
mod sockudo;
mod subscriber;

pub use api::{Answer, Caller, NoAnswer};
pub use binary::{built, built_example};
pub use line::{Line, Way};
pub use patience::{Patience, eventually};
pub use server::{Ended, Server, Settings};
pub use sockudo::Sockudo;
pub use subscriber::{End, Subscriber};

/// Compiles the code of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Compiles the code of the page for hosts.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
struct Embedding;
