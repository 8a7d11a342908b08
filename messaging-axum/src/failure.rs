//! Failures to log.

use std::{error::Error, sync::Arc};

/// The failure to log for a response; attached to it as an extension.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// A dependency is unavailable.
    Unavailable(Arc<dyn Error + Send + Sync>),
    /// An internal error.
    Defect(Arc<dyn Error + Send + Sync>),
    /// A panic.
    Panic,
    /// The request has no actor.
    MissingActor {
        /// The type that the host inserted instead, if recognised.
        found: Option<&'static str>,
    },
}
