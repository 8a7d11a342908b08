use std::time::Duration;

use tokio::{sync::watch, time::timeout};

/// A fault on a [`Wire`](crate::Wire), which occurs once, when a client executes a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is lost before the server receives the request.
    CutBeforeRequest(Statement),
    /// The connection is lost after the server has answered and before the client receives any of the answer:
    /// the statement has taken effect, which the client cannot know.
    CutAfterAnswer(Statement),
    /// From this request on, no connection forwards data in either direction, but all of them stay open until
    /// [`release`](crate::Wire::release).
    Stall(Statement),
}

/// The statement at which a fault occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// The next statement.
    Any,
    /// A statement whose SQL contains this text, in the same case. sqlx commits with `COMMIT`.
    Containing(String),
}

/// An armed fault. Dropping this does not disarm it.
#[derive(Debug, Clone)]
pub struct Armed {
    happened: watch::Receiver<bool>,
}

/// The other end of an [`Armed`].
#[derive(Debug)]
pub(super) struct Trap {
    pub(super) fault: Fault,
    happened: watch::Sender<bool>,
}

const ENOUGH: Duration = Duration::from_mins(2);

impl Statement {
    /// Matches a statement whose SQL contains this text.
    pub fn containing(text: &str) -> Self {
        Self::Containing(text.to_owned())
    }

    fn is(&self, sql: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Containing(text) => sql.contains(text),
        }
    }
}

impl Armed {
    /// Whether the fault has occurred. It has once a client sees its connection lost.
    pub fn has_happened(&self) -> bool {
        *self.happened.borrow()
    }

    /// Waits until the fault has occurred.
    ///
    /// # Panics
    /// If it has not occurred within two minutes.
    pub async fn happened(&mut self) {
        let happened = timeout(ENOUGH, self.happened.wait_for(|happened| *happened)).await;
        assert!(matches!(happened, Ok(Ok(_))), "the fault has not occurred");
    }
}

impl Trap {
    pub(super) fn set(fault: Fault) -> (Self, Armed) {
        let (sender, receiver) = watch::channel(false);
        let trap = Self {
            fault,
            happened: sender,
        };
        (trap, Armed { happened: receiver })
    }

    /// Whether the fault matches one of these statements.
    pub(super) fn is_for(&self, statements: &[String]) -> bool {
        let (Fault::CutBeforeRequest(which) | Fault::CutAfterAnswer(which) | Fault::Stall(which)) =
            &self.fault;
        statements.iter().any(|sql| which.is(sql))
    }

    /// Reports that the fault has occurred.
    pub(super) fn spring(self) {
        self.happened.send_replace(true);
    }
}
