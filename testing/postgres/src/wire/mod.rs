mod connection;
mod control;
mod fault;
mod message;
mod request;

use std::{
    fmt,
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
};

pub use control::Counts;
pub use fault::{Armed, Fault, Statement};

use crate::{PgServer, url::ServerUrl};
use connection::Connection;
use control::Control;

/// A wire between clients and a server: it counts requests and fails on demand. It speaks PostgreSQL's
/// protocol without TLS. Dropping it closes all its connections.
pub struct Wire {
    url: ServerUrl,
    control: Arc<Control>,
    accepting: Option<JoinHandle<()>>,
}

impl Wire {
    /// A wire to a port of 127.0.0.1 that trusts every user: a private server or a
    /// [`PgBouncer`](crate::PgBouncer).
    /// [`PgBouncer`](crate::PgBouncer).
    pub fn to(port: u16) -> Self {
        Self::between(&ServerUrl::local(port))
    }

    /// A wire to any server.
    pub fn to_server(server: &PgServer) -> Self {
        Self::between(server.server_url())
    }

    /// Returns the URL of a database through this wire.
    pub fn url(&self, database: &str) -> String {
        self.url.of(database)
    }

    /// Returns its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.url.port()
    }

    /// Returns the counts so far. A request is counted before it is forwarded.
    pub fn counts(&self) -> Counts {
        self.control.counts()
    }

    /// Arms a fault, which occurs once, at the next statement that it matches. The oldest of several matching
    /// faults occurs.
    pub fn arm(&self, fault: Fault) -> Armed {
        self.control.arm(fault)
    }

    /// Ends a [`Fault::Stall`]: withheld data are forwarded.
    pub fn release(&self) {
        self.control.release();
    }

    fn between(server: &ServerUrl) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is available");
        let port = listener.local_addr().expect("the listener has an address").port();
        let control = Arc::new(Control::default());
        let accepting = thread::spawn({
            let (server, control) = (server.clone(), control.clone());
            move || accept(&listener, &server, &control)
        });
        Self {
            url: server.through(port),
            control,
            accepting: Some(accepting),
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.control.end();
        // The accepting thread notices the end at the next connection.
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).ok();
        if let Some(accepting) = self.accepting.take() {
            accepting.join().ok();
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut wire = formatter.debug_struct("Wire");
        wire.field("port", &self.port()).finish_non_exhaustive()
    }
}

fn accept(listener: &TcpListener, server: &ServerUrl, control: &Arc<Control>) {
    for client in listener.incoming().flatten() {
        if control.has_ended() {
            return;
        }
        let (server, control) = (server.clone(), control.clone());
        thread::spawn(move || {
            // An unreachable server is a connection that is lost at once.
            if let Ok(connection) = Connection::open(client, &server, control) {
                connection.carry();
            }
        });
    }
}
