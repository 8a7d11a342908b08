//! One call to the transport, and what its end says of the events, and of the transport.

use std::time::Duration;

use super::{Relay, gate::Trouble};
use crate::{clock, event::Event, id::ConversationId, port::realtime::PublishErrorKind};

/// A call that was not accepted.
pub(super) enum Rejected {
    Events(String),
    Transport { retry_after: Option<Duration> },
    Credentials,
}

impl Relay {
    /// One call; `lane` is the first that it carries.
    pub(super) async fn call(&self, lane: ConversationId, events: &[Event]) -> Result<(), Rejected> {
        self.counters.called();
        let published = self.parts.realtime.publish(events);
        let error = match clock::timeout(&*self.parts.clock, self.options().call_timeout, published).await {
            Ok(Ok(())) => {
                self.counters.accepted(events.len());
                self.answered();
                return Ok(());
            }
            Ok(Err(error)) => error,
            Err(clock::Elapsed) => {
                tracing::warn!("the transport did not answer in time");
                self.failed(lane, Trouble::Down);
                return Err(Rejected::Transport { retry_after: None });
            }
        };
        let cause: &dyn std::error::Error = &error;
        match error.kind() {
            PublishErrorKind::Refused => {
                tracing::warn!(error = cause, "the transport refused events");
                self.answered();
                Err(Rejected::Events(error_chain(cause)))
            }
            PublishErrorKind::Busy { retry_after } => {
                tracing::info!(error = cause, "the transport is busy");
                self.failed(lane, Trouble::Busy { retry_after });
                Err(Rejected::Transport { retry_after })
            }
            PublishErrorKind::Down => {
                tracing::warn!(error = cause, "the transport is down");
                self.failed(lane, Trouble::Down);
                Err(Rejected::Transport { retry_after: None })
            }
            PublishErrorKind::Misconfigured => {
                tracing::error!(error = cause, "the transport does not accept our credentials");
                let halt = self.options().halt;
                self.failed(lane, Trouble::Credentials { halt });
                Err(Rejected::Credentials)
            }
        }
    }

    fn answered(&self) {
        let was_closed = self.gate().answered(self.parts.clock.now());
        if let Some(why) = was_closed {
            tracing::info!(?why, "publishing goes on");
            self.queue.signal().raise();
        }
    }

    fn failed(&self, lane: ConversationId, trouble: Trouble) {
        let chance = self.parts.ids.chance();
        let closed = self.gate().failed(self.parts.clock.now(), lane, trouble, chance);
        if let Some(why) = closed {
            tracing::warn!(
                ?why,
                "publishing pauses: one event at a time is tried until the transport takes it"
            );
        }
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
