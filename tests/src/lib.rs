//! What crosses the crates. The tests of the running server are in `tests/`, a binary for each subject; what several
//! binaries share is here; the suites that need JavaScript are in `js/`. `README.md` says where a test goes.

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

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The code of the page for hosts compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
struct Embedding;
