//! One call to the transport, and its effect on the circuit breaker.

use super::{Relay, breaker::CallFailure};
use crate::{
    clock,
    event::Event,
    id::ConversationId,
    telemetry::{self, CallOutcome},
    transport::{TransportError, TransportErrorKind},
};

impl Relay {
    /// Makes one call; `lane` is the first lane whose events it carries. A call without an answer in time counts as
    /// [`OutcomeUnknown`](TransportErrorKind::OutcomeUnknown).
    pub(super) async fn call(&self, lane: ConversationId, events: &[Event]) -> Result<(), TransportError> {
        let published = self.parts.realtime.publish(events);
        let ended = clock::timeout(&*self.parts.clock, self.options().call_timeout, published).await;
        let ended = ended
            .unwrap_or_else(|elapsed| Err(TransportError::new(TransportErrorKind::OutcomeUnknown, elapsed)));
        telemetry::called(outcome(&ended));
        match &ended {
            Ok(()) => {
                telemetry::accepted(events.len());
                self.answered();
            }
            Err(error) => self.failed(lane, error),
        }
        ended
    }

    fn failed(&self, lane: ConversationId, error: &TransportError) {
        let cause: &dyn std::error::Error = error;
        let failure = match error.kind() {
            TransportErrorKind::Refused => {
                tracing::warn!(error = cause, "publishing failed; the transport refused events");
                return self.answered();
            }
            TransportErrorKind::Busy { retry_after } | TransportErrorKind::Deferred { retry_after } => {
                tracing::info!(error = cause, "publishing delayed; the transport is busy");
                CallFailure::Busy { retry_after }
            }
            TransportErrorKind::Unavailable | TransportErrorKind::OutcomeUnknown => {
                tracing::warn!(error = cause, "publishing failed; the transport is down");
                CallFailure::Down
            }
            TransportErrorKind::Misconfigured => {
                tracing::error!(
                    error = cause,
                    "publishing failed; the transport does not accept our credentials"
                );
                let halt = self.options().halt;
                CallFailure::Credentials { halt }
            }
        };
        let chance = self.parts.ids.chance();
        let closed = self
            .breaker()
            .failed(self.parts.clock.now(), lane, failure, chance);
        if let Some(why) = closed {
            tracing::warn!(
                ?why,
                "publishing paused; one lane at a time is tried until the transport answers"
            );
        }
    }

    fn answered(&self) {
        let was_closed = self.breaker().answered(self.parts.clock.now());
        if let Some(why) = was_closed {
            tracing::info!(?why, "publishing resumed; the transport answers again");
            self.queue.signal().raise();
        }
    }
}

fn outcome(ended: &Result<(), TransportError>) -> CallOutcome {
    match ended.as_ref().map_err(TransportError::kind) {
        Ok(()) => CallOutcome::Accepted,
        Err(TransportErrorKind::Refused) => CallOutcome::Refused,
        Err(TransportErrorKind::Busy { .. } | TransportErrorKind::Deferred { .. }) => CallOutcome::Busy,
        Err(TransportErrorKind::Unavailable | TransportErrorKind::OutcomeUnknown) => CallOutcome::Down,
        Err(TransportErrorKind::Misconfigured) => CallOutcome::Misconfigured,
    }
}
