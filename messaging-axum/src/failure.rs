//! Failures to log.

use std::sync::Arc;

use messaging_core::Error;

/// The failure to log for a response; attached to it as an extension.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// A dependency is unavailable.
    Unavailable(Arc<Error>),
    /// An internal error.
    Defect(Arc<Error>),
    /// A panic.
    Panic,
    /// The request has no actor.
    MissingActor {
        /// The type that the host inserted instead, if recognised.
        found: Option<&'static str>,
    },
}
