use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

/// A line to another server, on which what is said can be held up: it neither arrives nor comes back.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// Which way something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the other server.
    There,
    /// Back from it.
    Back,
}

#[derive(Debug, Default)]
struct State {
    holds: Option<Way>,
    held: usize,
}

impl Line {
    /// A line to the server at this address.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn to(far: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it has one");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if let Ok(far) = TcpStream::connect(far) {
                    join(&near, &far, &shared);
                }
            }
        });
        Self { address, state }
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on holds up what is said this way, for good.
    pub fn hold(&self, way: Way) {
        lock(&self.state).holds = Some(way);
    }

    /// How many bytes have been held up.
    pub fn held(&self) -> usize {
        lock(&self.state).held
    }
}

fn join(near: &TcpStream, far: &TcpStream, state: &Arc<Mutex<State>>) {
    for (way, from, to) in [(Way::There, near, far), (Way::Back, far, near)] {
        let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else {
            return;
        };
        let state = state.clone();
        thread::spawn(move || carry(way, from, to, &state));
    }
}

fn carry(way: Way, mut from: TcpStream, mut to: TcpStream, state: &Mutex<State>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        {
            let mut state = lock(state);
            if state.holds == Some(way) {
                state.held += length;
                continue;
            }
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
