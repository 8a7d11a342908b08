use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
};

use super::{
    connection::Connection,
    fault::{Armed, Fault, Trap},
    request::Request,
};

/// The number of requests of clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Executed statements, including `BEGIN` and `COMMIT`.
    pub statements: u64,
    /// Round trips: how often a client waited for the server. Each request counts, however many statements it
    /// has, as does each separate preparation. Pings and connecting do not count.
    pub round_trips: u64,
    /// Empty requests, by which a client checks its connection.
    pub pings: u64,
}

/// The state shared by the connections of a wire.
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

/// The fate of a request.
pub(super) enum Passage {
    Free,
    CutBefore(Trap),
    CutAfter(Trap),
}

impl Counts {
    /// Returns the difference to an earlier count.
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

    /// Closes all present and future connections.
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

    /// Adds a connection to those that [`end`](Self::end) closes.
    pub(super) fn register(&self, connection: &Arc<Connection>) {
        let mut state = self.state();
        state.connections.retain(|other| other.strong_count() > 0);
        state.connections.push(Arc::downgrade(connection));
        if state.has_ended {
            connection.close();
        }
    }

    /// Counts a request, and returns its fate.
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

    /// Waits until the wire forwards data.
    ///
    /// # Errors
    /// If the wire has ended.
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
