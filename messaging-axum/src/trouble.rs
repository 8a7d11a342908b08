//! What goes wrong on the way to an answer, as it is to be logged.

use std::sync::Arc;

use messaging_core::Error;

/// What is to be logged about an answer; travels with it as an extension.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// Something that we depend on is not there.
    Unavailable(Arc<Error>),
    /// A defect that was noticed.
    Defect(Arc<Error>),
    /// A defect that was not.
    Panic,
    /// The host named no actor.
    NoActor {
        /// What it put on the request instead, if that can be told.
        instead: Option<&'static str>,
    },
}
