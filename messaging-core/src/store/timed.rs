//! Calls of the store with a time limit, for workers.

use std::time::Duration;

use super::{StoreError, StoreErrorKind};
use crate::clock::{self, Clock};

/// Calls the store, and gives up after `limit`. A call that was given up may still take effect:
/// [`OutcomeUnknown`](StoreErrorKind::OutcomeUnknown).
pub(crate) async fn timed<T>(
    clock: &dyn Clock,
    limit: Duration,
    doing: &'static str,
    call: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    match clock::timeout(clock, limit, call).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(StoreError::new(StoreErrorKind::OutcomeUnknown, doing).caused_by(elapsed)),
    }
}
