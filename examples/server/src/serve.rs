//! Connections: how many there may be, how long a request may take to come and its answer to go, and their end.

use std::{io, net::SocketAddr, pin::pin, time::Duration};

use axum::Router;
use hyper::server::conn::http1::{self, UpgradeableConnection};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    room::{Class, Place, Room},
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
/// How long the head of a request may take when there are as many connections as may be.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
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

type Connection = UpgradeableConnection<TokioIo<WriteTimeout<TcpStream>>, TowerToHyperService<Router>>;

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
    let mut reserve = http(PROBE_TIMEOUT);
    reserve.keep_alive(false);
    let room = Room::new(limits.connections);
    let (stopping, _) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let (stream, place) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let (http, router) = match place.class {
            Class::Regular => (&regular, &routers.all),
            Class::Reserve => (&reserve, &routers.probes),
        };
        let stream = WriteTimeout::new(stream, limits.client_timeout);
        let lift = stream.lift();
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let told = stopping.subscribe();
        tokio::spawn(async move {
            if let Err(error) = until_told(connection.with_upgrades(), told).await {
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

/// The next connection, as soon as there is room for it.
async fn accept(listener: &TcpListener, room: &Room) -> (TcpStream, Place) {
    room.wait().await;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                stream.set_nodelay(true).ok();
                // There is one: nobody else takes any.
                if let Some(place) = room.take() {
                    return (stream, place);
                }
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
