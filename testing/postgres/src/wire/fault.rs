use std::time::Duration;

use tokio::{sync::watch, time::timeout};

/// What goes wrong on a [`Wire`](crate::Wire), once, when a client executes a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is lost before the server has the request.
    CutBeforeRequest(Statement),
    /// The connection is lost after the server has answered, and before the client has any of the answer: what
    /// was asked for is done, and the client cannot know.
    CutAfterAnswer(Statement),
    /// From this request on nothing passes any more, in either direction and on every connection, old or new;
    /// but they stay open, until [`release`](crate::Wire::release).
    Stall(Statement),
}

/// At which statement a fault happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Whichever is next.
    Any,
    /// One whose SQL contains this, with the same capitals. `COMMIT` is what sqlx sends to commit.
    Containing(String),
}

/// A fault that was armed. Dropping this does not disarm it.
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
    /// One whose SQL contains this.
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
    /// Whether it has happened. A client that has lost its connection to it sees that it has.
    pub fn has_happened(&self) -> bool {
        *self.happened.borrow()
    }

    /// Waits until it has happened.
    ///
    /// # Panics
    /// When it has not after two minutes.
    pub async fn happened(&mut self) {
        let happened = timeout(ENOUGH, self.happened.wait_for(|happened| *happened)).await;
        assert!(matches!(happened, Ok(Ok(_))), "the fault has not happened");
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

    /// Whether it is for one of these.
    pub(super) fn is_for(&self, statements: &[String]) -> bool {
        let (Fault::CutBeforeRequest(which) | Fault::CutAfterAnswer(which) | Fault::Stall(which)) =
            &self.fault;
        statements.iter().any(|sql| which.is(sql))
    }

    /// Says that it has happened.
    pub(super) fn spring(self) {
        self.happened.send_replace(true);
    }
}
