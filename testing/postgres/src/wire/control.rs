use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
};

use super::{
    connection::Connection,
    fault::{Armed, Fault, Trap},
    request::Request,
};

/// What clients have asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Statements executed, `BEGIN` and `COMMIT` among them.
    pub statements: u64,
    /// How often a client waited for the server: each request, of however many statements; and also each
    /// preparation of a statement by itself. Neither pings nor connecting are among them.
    pub round_trips: u64,
    /// Requests for nothing, by which a client sees that the connection is alive.
    pub pings: u64,
}

/// What the connections of a wire share.
#[derive(Default)]
pub(super) struct Control {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    counts: Counts,
    armed: Vec<Trap>,
    is_stalled: bool,
    has_ended: bool,
    connections: Vec<Weak<Connection>>,
}

/// What becomes of a request.
pub(super) enum Passage {
    Free,
    CutBefore(Trap),
    CutAfter(Trap),
}

impl Counts {
    /// What has been added since an earlier count.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            statements: self.statements - earlier.statements,
            round_trips: self.round_trips - earlier.round_trips,
            pings: self.pings - earlier.pings,
        }
    }

    fn add(&mut self, request: &Request) {
        self.statements += request.statements.len() as u64;
        if request.is_ping {
            self.pings += 1;
        } else {
            self.round_trips += u64::from(request.is_answered);
        }
    }
}

impl Control {
    pub(super) fn counts(&self) -> Counts {
        self.state().counts
    }

    pub(super) fn arm(&self, fault: Fault) -> Armed {
        let (trap, armed) = Trap::set(fault);
        self.state().armed.push(trap);
        armed
    }

    pub(super) fn release(&self) {
        self.state().is_stalled = false;
        self.changed.notify_all();
    }

    /// Closes all connections, those to come as well.
    pub(super) fn end(&self) {
        let connections = {
            let mut state = self.state();
            state.has_ended = true;
            std::mem::take(&mut state.connections)
        };
        self.changed.notify_all();
        for connection in connections.iter().filter_map(Weak::upgrade) {
            connection.close();
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state().has_ended
    }

    /// Makes a connection one of those that [`end`](Self::end) closes.
    pub(super) fn register(&self, connection: &Arc<Connection>) {
        let mut state = self.state();
        state.connections.retain(|other| other.strong_count() > 0);
        state.connections.push(Arc::downgrade(connection));
        if state.has_ended {
            connection.close();
        }
    }

    /// Counts a request, and says whether something happens to it.
    pub(super) fn pass(&self, request: &Request) -> Passage {
        let mut state = self.state();
        state.counts.add(request);
        let fitting = state
            .armed
            .iter()
            .position(|trap| trap.is_for(&request.statements));
        let Some(trap) = fitting.map(|fitting| state.armed.remove(fitting)) else {
            return Passage::Free;
        };
        match trap.fault {
            Fault::CutBeforeRequest(_) => Passage::CutBefore(trap),
            Fault::CutAfterAnswer(_) => Passage::CutAfter(trap),
            Fault::Stall(_) => {
                state.is_stalled = true;
                trap.spring();
                Passage::Free
            }
        }
    }

    /// Waits until the wire passes something.
    ///
    /// # Errors
    /// When it never will: it has ended.
    pub(super) fn wait_until_open(&self) -> io::Result<()> {
        let state = self
            .changed
            .wait_while(self.state(), |state| state.is_stalled && !state.has_ended)
            .unwrap_or_else(PoisonError::into_inner);
        if state.has_ended {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
