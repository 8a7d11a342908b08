use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use messaging_core::{
    transport::mailer::{Digest, Mailer},
    transport::{TransportError, TransportErrorKind},
};

use super::{
    deferrals::{Delay, ProcessNumber},
    ledger::Ledger,
};
use crate::fake::Signal;

/// How the mail server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Takes,
    Refuses,
    IsAway,
    /// Defers every recipient.
    Defers,
    /// Loses its answers, whether or not it has accepted the e-mail.
    LosesAnswers {
        takes: bool,
    },
    /// Kills the sending process before or after accepting the e-mail. Then the server accepts again.
    IsTheEnd {
        takes: bool,
    },
}

/// The mail server.
#[derive(Clone)]
pub(super) struct Post {
    mood: Arc<Mutex<Mood>>,
    ledger: Ledger,
}

impl Post {
    pub(super) fn new(ledger: Ledger) -> Self {
        let mood = Arc::new(Mutex::new(Mood::Takes));
        Self { mood, ledger }
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    pub(super) fn mood(&self) -> Mood {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One process's connection to the mail server.
pub(super) struct Courier {
    pub(super) post: Post,
    pub(super) process: ProcessNumber,
    pub(super) dead: Signal,
}

#[async_trait]
impl Mailer for Courier {
    async fn send(&self, digest: &Digest) -> Result<(), TransportError> {
        let (mood, ledger) = (self.post.mood(), &self.post.ledger);
        ledger.tried(digest);
        let failed = |kind| Err(TransportError::new(kind, "as asked for"));
        match mood {
            Mood::Takes => {
                ledger.heard(digest, self.process);
                Ok(())
            }
            Mood::Refuses => {
                ledger.refused(digest);
                failed(TransportErrorKind::Refused)
            }
            Mood::IsAway => failed(TransportErrorKind::Unavailable),
            Mood::Defers => {
                ledger.delayed(digest, self.process, Delay::Deferred);
                failed(TransportErrorKind::Deferred { retry_after: None })
            }
            Mood::LosesAnswers { takes } => {
                if takes {
                    ledger.unheard(digest);
                }
                ledger.delayed(digest, self.process, Delay::Lost);
                failed(TransportErrorKind::OutcomeUnknown)
            }
            Mood::IsTheEnd { takes } => {
                if takes {
                    ledger.unheard(digest);
                }
                self.post.set(Mood::Takes);
                self.dead.give();
                std::future::pending().await
            }
        }
    }
}
