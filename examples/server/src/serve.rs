//! Connections: how many there may be, how long a request may take to come and its answer to go, and their end.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, http::Request, response::Response};
use hyper::{
    body::Incoming,
    server::conn::http1::{self, UpgradeableConnection},
    service::Service,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::yield_now,
    time::{sleep, timeout},
};

use crate::{
    room::{Asked, Place, Reserved, Room},
    stop,
    write_timeout::WriteTimeout,
};

/// What connections may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many there may be; the next ones are only asked whether they are probes. One that has become a WebSocket
    /// counts no more: those are limited by the channels.
    pub(crate) connections: usize,
    /// How long a client may take: for the head of a request, counted from the end of the one before, and for its body.
    /// The answer it has to read at a [rate](crate::write_timeout), and may pause for so long.
    pub(crate) client_timeout: Duration,
    /// The same when there are as many connections as may be.
    pub(crate) probe_timeout: Duration,
}

/// What is served.
#[derive(Debug)]
pub(crate) struct Routers {
    /// To everyone.
    pub(crate) all: Router,
    /// When there are as many connections as may be: what operators look at. All else is told to come again.
    pub(crate) probes: Router,
}

/// The most headers of a request, and bytes of its head.
const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How long to wait when this process has no file descriptor left.
const EXHAUSTED: Duration = Duration::from_secs(1);

/// How many bytes are handed to the system for a client that has not read them, where the system does not round it up:
/// Linux doubles it, for its own records.
///
/// The buffer that Linux would grow to (4 MiB) hides whether a slow client reads at all: at 4 KB a second it showed
/// nothing for 21 s. And it is memory that each client who reads nothing can fill.
pub(crate) const SEND_BUFFER: u32 = 16 * 1024;
/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

type Connection = UpgradeableConnection<TokioIo<WriteTimeout<TcpStream>>, Answering>;

/// Answers the requests of a connection.
struct Answering {
    router: TowerToHyperService<Router>,
    asked: Option<Asked>,
}

impl Answering {
    fn all(routers: &Routers) -> Self {
        Self {
            router: TowerToHyperService::new(routers.all.clone()),
            asked: None,
        }
    }

    fn probes(routers: &Routers, place: &Reserved) -> Self {
        Self {
            router: TowerToHyperService::new(routers.probes.clone()),
            asked: Some(place.asked()),
        }
    }
}

impl Service<Request<Incoming>> for Answering {
    type Response = Response;
    type Error = Infallible;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if let Some(asked) = &self.asked {
            asked.note();
        }
        self.router.call(request)
    }
}

/// Listens, with what its connections inherit.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // On Windows it would let another program listen at the same address.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` is ready, and then lets requests end that are under way.
pub(crate) async fn serve(
    listener: TcpListener,
    routers: Routers,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let regular = http(limits.client_timeout);
    let mut reserve = http(limits.probe_timeout);
    reserve.keep_alive(false);
    let mut room = Room::new(limits.connections);
    let (stopping, _) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let (stream, place) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &mut room) => accepted,
        };
        let (http, timeout, service) = match &place {
            Place::Regular(_) => (&regular, limits.client_timeout, Answering::all(&routers)),
            Place::Reserve(place) => (&reserve, limits.probe_timeout, Answering::probes(&routers, place)),
        };
        let stream = WriteTimeout::new(stream, timeout);
        let lift = stream.lift();
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let told = stopping.subscribe();
        tokio::spawn(async move {
            let mut place = place;
            let ended = tokio::select! {
                ended = until_told(connection.with_upgrades(), told) => ended,
                () = place.evicted() => Ok(()),
            };
            if let Err(error) = ended {
                let error: &dyn std::error::Error = &error;
                tracing::debug!(error, "a connection has failed");
            }
            // If it goes on, then as a WebSocket, with limits of its own.
            lift.now();
            drop(place);
        });
    }
    drop(listener);
    stopping.send_replace(());
    // Each connection holds a receiver.
    if timeout(stop::REQUESTS, stopping.closed()).await.is_err() {
        tracing::warn!("some requests were cut off: they took too long");
    }
}

fn http(head_timeout: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES);
    http
}

/// Drives a connection to its end: once told, that of the request which is under way.
async fn until_told(connection: Connection, mut told: watch::Receiver<()>) -> hyper::Result<()> {
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = told.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// The next connection, with a place.
async fn accept(listener: &TcpListener, room: &mut Room) -> (TcpStream, Place) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                stream.set_nodelay(true).ok();
                let place = room.take().await;
                if let Place::Reserve(_) = place {
                    // The requests of earlier connections are read before later ones may end them.
                    yield_now().await;
                }
                return (stream, place);
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(EXHAUSTED).await;
            }
        }
    }
}

/// Whether it was the other end that has gone.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::oneshot,
    };

    use super::*;
    use crate::room::RESERVE;

    /// Longer than the test: no connection ends because its time is over.
    const FOREVER: Duration = Duration::from_hours(1);

    async fn connect(address: SocketAddr) -> TcpStream {
        TcpStream::connect(address).await.unwrap()
    }

    /// The status line of the answer on a connection that the server ends.
    async fn ask(address: SocketAddr) -> String {
        let mut stream = connect(address).await;
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// Opens connections that say nothing, as fast as the server ends others.
    async fn flood(address: SocketAddr, opened: &watch::Sender<usize>) {
        let mut silent = VecDeque::new();
        loop {
            silent.push_back(connect(address).await);
            opened.send_modify(|count| *count += 1);
            if silent.len() > 2 * RESERVE {
                let mut oldest = silent.pop_front().unwrap();
                oldest.read_to_end(&mut Vec::new()).await.ok();
            }
        }
    }

    #[tokio::test]
    async fn a_probe_is_answered_however_many_silent_connections_arrive() {
        let probes = Router::new().route("/healthz", get(async || "alive"));
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let routers = Routers {
            all: Router::new(),
            probes,
        };
        let limits = Limits {
            connections: 1,
            client_timeout: FOREVER,
            probe_timeout: FOREVER,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, routers, limits, async {
            stopped.await.ok();
        }));
        let taken = connect(address).await;
        let (opened, mut arrived) = watch::channel(0);
        let probe = async {
            for round in 1..=20 {
                // The reserve is full of others than before.
                arrived
                    .wait_for(|count| *count > round * 3 * RESERVE)
                    .await
                    .unwrap();
                assert_eq!(ask(address).await, "HTTP/1.1 200 OK");
            }
        };
        let both = async {
            tokio::select! {
                () = probe => {}
                () = flood(address, &opened) => {}
            }
        };
        timeout(Duration::from_mins(2), both)
            .await
            .expect("a place is free");
        drop((taken, stop));
        server.await.unwrap();
    }
}
