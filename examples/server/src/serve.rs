//! Serves HTTP connections: their number, timeouts and graceful shutdown.

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
    time::sleep,
};

use crate::{
    connection_limit::{ActivityMarker, ConnectionLimit, ReserveSlot, Slot},
    write_timeout::WriteTimeout,
};

/// Limits of connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Maximum number of connections; further ones can reach the probes only. A connection upgraded to a WebSocket no
    /// longer counts: the channels limit those.
    pub(crate) connections: usize,
    /// Timeout for receiving a request head, from the end of the previous request, and for receiving a body. Responses
    /// must be read at a [minimum rate](crate::write_timeout) with pauses of at most this time.
    pub(crate) client_timeout: Duration,
    /// The same timeout for connections above the limit.
    pub(crate) probe_timeout: Duration,
}

/// The routers.
#[derive(Debug)]
pub(crate) struct Routers {
    /// All routes.
    pub(crate) all: Router,
    /// The routes above the connection limit: probes; other requests are told to retry.
    pub(crate) probes: Router,
}

/// Maximum number of headers of a request, and maximum length of its head in bytes.
const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Delay before the next `accept` after an error such as the lack of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Size of the kernel's send buffer of a connection, in bytes. Linux doubles it for its own bookkeeping.
///
/// A buffer that grows automatically (up to 4 MiB on Linux) hides whether a slow client reads at all: at 4 KB/s no
/// progress was visible for 21 s. It is also memory that any client can fill by not reading.
pub(crate) const SEND_BUFFER: u32 = 16 * 1024;
/// Number of connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

type Connection = UpgradeableConnection<TokioIo<WriteTimeout<TcpStream>>, ConnectionService>;

/// The HTTP service of one connection.
struct ConnectionService {
    router: TowerToHyperService<Router>,
    activity: Option<ActivityMarker>,
}

impl ConnectionService {
    fn all(routers: &Routers) -> Self {
        Self {
            router: TowerToHyperService::new(routers.all.clone()),
            activity: None,
        }
    }

    fn probes(routers: &Routers, slot: &ReserveSlot) -> Self {
        Self {
            router: TowerToHyperService::new(routers.probes.clone()),
            activity: Some(slot.activity_marker()),
        }
    }
}

impl Service<Request<Incoming>> for ConnectionService {
    type Response = Response;
    type Error = Infallible;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if let Some(activity) = &self.activity {
            activity.mark_active();
        }
        self.router.call(request)
    }
}

/// Binds a listener; connections inherit its socket options.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // On Windows this option would let another program listen on the same address.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` completes, then waits for the requests in progress.
pub(crate) async fn serve(
    listener: TcpListener,
    routers: Routers,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let regular = http(limits.client_timeout);
    let mut reserve = http(limits.probe_timeout);
    reserve.keep_alive(false);
    let mut limit = ConnectionLimit::new(limits.connections);
    let (stopping, _) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let (stream, slot) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &mut limit) => accepted,
        };
        let (http, timeout, service) = match &slot {
            Slot::Regular(_) => (&regular, limits.client_timeout, ConnectionService::all(&routers)),
            Slot::Reserve(slot) => (
                &reserve,
                limits.probe_timeout,
                ConnectionService::probes(&routers, slot),
            ),
        };
        let stream = WriteTimeout::new(stream, timeout);
        let write_limit = stream.limit_handle();
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let stop_signal = stopping.subscribe();
        tokio::spawn(async move {
            let mut slot = slot;
            let ended = tokio::select! {
                ended = run_until_stopped(connection.with_upgrades(), stop_signal) => ended,
                () = slot.evicted() => Ok(()),
            };
            if let Err(error) = ended {
                let error: &dyn std::error::Error = &error;
                tracing::debug!(error, "connection failed");
            }
            // After an upgrade the WebSocket continues with its own limits.
            write_limit.disable();
            drop(slot);
        });
    }
    drop(listener);
    stopping.send_replace(());
    // Each connection holds a receiver, so the channel closes after the last one.
    stopping.closed().await;
}

fn http(head_timeout: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES);
    http
}

/// Runs a connection to its end; after the stop signal, to the end of the current request.
async fn run_until_stopped(
    connection: Connection,
    mut stop_signal: watch::Receiver<()>,
) -> hyper::Result<()> {
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = stop_signal.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Accepts the next connection and acquires its slot.
async fn accept(listener: &TcpListener, limit: &mut ConnectionLimit) -> (TcpStream, Slot) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                stream.set_nodelay(true).ok();
                let slot = limit.acquire().await;
                if let Slot::Reserve(_) = slot {
                    // Let earlier connections read their requests before later ones can evict them.
                    yield_now().await;
                }
                return (stream, slot);
            }
            Err(error) if is_connection_error(&error) => {}
            Err(error) => {
                tracing::error!(%error, "HTTP server: cannot accept connections; retrying in a second");
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// Whether the error concerns the one connection only.
fn is_connection_error(error: &io::Error) -> bool {
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
        time::timeout,
    };

    use super::*;
    use crate::connection_limit::RESERVE_SLOTS;

    /// Longer than the test, so that no connection times out.
    const FOREVER: Duration = Duration::from_hours(1);

    async fn connect(address: SocketAddr) -> TcpStream {
        TcpStream::connect(address).await.unwrap()
    }

    /// The status line of a probe response.
    async fn probe_status(address: SocketAddr) -> String {
        let mut stream = connect(address).await;
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// Opens idle connections as fast as the server evicts others.
    async fn flood(address: SocketAddr, opened: &watch::Sender<usize>) {
        let mut silent = VecDeque::new();
        loop {
            silent.push_back(connect(address).await);
            opened.send_modify(|count| *count += 1);
            if silent.len() > 2 * RESERVE_SLOTS {
                let mut oldest = silent.pop_front().unwrap();
                oldest.read_to_end(&mut Vec::new()).await.ok();
            }
        }
    }

    #[tokio::test]
    async fn probes_are_served_during_a_flood_of_idle_connections() {
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
                // The flood has replaced the whole reserve since the last probe.
                arrived
                    .wait_for(|count| *count > round * 3 * RESERVE_SLOTS)
                    .await
                    .unwrap();
                assert_eq!(probe_status(address).await, "HTTP/1.1 200 OK");
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
            .expect("a slot is free");
        drop((taken, stop));
        server.await.unwrap();
    }
}
