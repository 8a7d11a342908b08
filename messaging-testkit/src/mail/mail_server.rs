use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use messaging_core::{
    transport::mailer::{Digest, Mailer},
    transport::{TransportError, TransportErrorKind},
};

use super::{
    deferrals::{Delay, ProcessNumber},
    ledger::Ledger,
    step::ServerState,
};
use crate::fake::Signal;

/// The mail server.
#[derive(Clone)]
pub(super) struct MailServer {
    state: Arc<Mutex<ServerState>>,
    ledger: Ledger,
}

impl MailServer {
    pub(super) fn new(ledger: Ledger) -> Self {
        let state = Arc::new(Mutex::new(ServerState::Accepts));
        Self { state, ledger }
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) fn set(&self, state: ServerState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    pub(super) fn state(&self) -> ServerState {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One process's connection to the mail server.
pub(super) struct ServerConnection {
    pub(super) server: MailServer,
    pub(super) process: ProcessNumber,
    pub(super) dead: Signal,
}

#[async_trait]
impl Mailer for ServerConnection {
    async fn send(&self, digest: &Digest) -> Result<(), TransportError> {
        let (state, ledger) = (self.server.state(), &self.server.ledger);
        ledger.tried(digest);
        let failed = |kind| Err(TransportError::new(kind, "simulated failure"));
        match state {
            ServerState::Accepts => {
                ledger.heard(digest, self.process);
                Ok(())
            }
            ServerState::Refuses => {
                ledger.refused(digest);
                failed(TransportErrorKind::Refused)
            }
            ServerState::Unavailable => failed(TransportErrorKind::Unavailable),
            ServerState::Defers => {
                ledger.delayed(digest, self.process, Delay::Deferred);
                failed(TransportErrorKind::Deferred { retry_after: None })
            }
            ServerState::LosesAnswers { takes } => {
                if takes {
                    ledger.unheard(digest);
                }
                ledger.delayed(digest, self.process, Delay::Lost);
                failed(TransportErrorKind::OutcomeUnknown)
            }
            ServerState::KillsSender { takes } => {
                if takes {
                    ledger.unheard(digest);
                }
                self.server.set(ServerState::Accepts);
                self.dead.give();
                std::future::pending().await
            }
        }
    }
}
