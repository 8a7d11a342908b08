use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

/// A proxy to another server that can withhold the data of one direction.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// The direction of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the other server.
    There,
    /// From the other server.
    Back,
}

#[derive(Debug, Default)]
struct State {
    holds: Option<Way>,
    held: usize,
}

impl Line {
    /// Starts a proxy to the server at this address.
    ///
    /// # Panics
    /// If no port is free.
    pub fn to(far: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the listener has an address");
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

    /// Returns the address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Withholds the data of this direction from now on.
    pub fn hold(&self, way: Way) {
        lock(&self.state).holds = Some(way);
    }

    /// Returns how many bytes are withheld.
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
