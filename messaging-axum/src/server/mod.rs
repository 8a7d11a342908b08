//! Serving until a signal, and stopping in order.

mod shutdown;
mod signals;

use std::{
    error::Error,
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::Router;
use messaging_core::Workers;
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::{JoinError, JoinHandle, JoinSet},
};

pub use self::shutdown::Stopped;
use self::{shutdown::ShutdownSteps, signals::Signals};

/// Serves a host's application, and stops it without losing work.
///
/// ```no_run
/// # async fn run(
/// #     app: axum::Router, workers: messaging_core::Workers, channels: Channels, store: Store
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use messaging_axum::Server;
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// Server::new(listener, app)
///     .workers(workers)
///     .on_stop(async move { channels.shutdown().await })
///     .finally(async move { store.close().await })
///     .run()
///     .await?;
/// # Ok(()) }
/// # struct Channels; impl Channels { async fn shutdown(&self) {} }
/// # struct Store; impl Store { async fn close(&self) {} }
/// ```
///
/// # Stopping
///
/// On SIGTERM or Ctrl-C (only the latter on Windows) the server
///
/// 1. accepts no more connections, and waits at most 2 s for the requests in progress;
/// 2. stops the [`workers`](Self::workers), which publish what the requests have stored, within their
///    [`drain`](messaging_core::worker::RelayOptions::drain), and at most until a second before the deadline;
/// 3. runs the steps of [`on_stop`](Self::on_stop): closing realtime connections;
/// 4. waits for the slower requests, until a second before the [`deadline`](Self::deadline). A client that holds on to half
///    a request, or does not read its response, delays the end until then and nothing else;
/// 5. runs the steps of [`finally`](Self::finally): closing the store.
///
/// What is not finished at the deadline is aborted, and no acknowledged message is lost: another process, or the next
/// start, publishes it. A second signal ends [`run`](Self::run) at once.
///
/// If the accept loop or the workers end by themselves, which takes a panic, the rest is stopped in the same order.
#[must_use = "a server does nothing until it is run"]
pub struct Server {
    serve: Box<dyn FnOnce(StopSignal) -> BoxFuture<io::Result<()>> + Send>,
    workers: Vec<Workers>,
    on_stop: Vec<BoxFuture<()>>,
    finally: Vec<BoxFuture<()>>,
    deadline: Duration,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Completes when a server stops accepting connections.
#[derive(Debug)]
pub struct StopSignal(oneshot::Receiver<()>);

impl Future for StopSignal {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // The sender is dropped and never sends.
        Pin::new(&mut self.0).poll(context).map(|_| ())
    }
}

/// Why a [`Server`] failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The handlers of the signals cannot be registered. Nothing was served.
    #[error("cannot register signal handlers")]
    Signals(#[source] io::Error),
    /// The accept loop failed or panicked. The rest was stopped in order.
    #[error("the HTTP server failed")]
    Serve(#[source] Box<dyn Error + Send + Sync>),
    /// The workers panicked. The rest was stopped in order.
    #[error("the workers failed")]
    Workers(#[source] Box<dyn Error + Send + Sync>),
    /// A second signal arrived before the server had stopped. Unfinished work was aborted.
    #[error("stopped by a second signal")]
    Interrupted,
}

impl Server {
    /// Serves an application by [`axum::serve`](axum::serve()).
    ///
    /// It limits neither connections nor the time for a request's head: use it behind a proxy that does, or use an accept
    /// loop with limits by [`from_fn`](Self::from_fn).
    pub fn new(listener: TcpListener, app: Router) -> Self {
        Self::from_fn(|stop| {
            axum::serve(listener, app)
                .with_graceful_shutdown(stop)
                .into_future()
        })
    }

    /// Serves by a function of the host's, such as an accept loop with limits or TLS. When the signal completes the function
    /// accepts no more connections, and returns after the last request. At the request limit the server no longer waits for it;
    /// what it still runs ends with the process.
    ///
    /// ```
    /// # async fn example(listener: tokio::net::TcpListener, app: axum::Router) {
    /// use std::net::SocketAddr;
    ///
    /// let app = app.into_make_service_with_connect_info::<SocketAddr>();
    /// let server = messaging_axum::Server::from_fn(|stop| {
    ///     axum::serve(listener, app).with_graceful_shutdown(stop).into_future()
    /// });
    /// # drop(server); }
    /// ```
    pub fn from_fn<Serve, Served>(serve: Serve) -> Self
    where
        Serve: FnOnce(StopSignal) -> Served + Send + 'static,
        Served: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self {
            serve: Box::new(|stop| Box::pin(serve(stop))),
            workers: Vec::new(),
            on_stop: Vec::new(),
            finally: Vec::new(),
            deadline: shutdown::DEADLINE,
        }
    }

    /// Runs the workers of a [`Messaging`](messaging_core::Messaging) beside the server, in a task of their own; call it for
    /// each `Messaging`. Without them another process has to publish.
    pub fn workers(mut self, workers: Workers) -> Self {
        self.workers.push(workers);
        self
    }

    /// Adds a step after the workers have stopped, for realtime connections: `EmbeddedChannels::shutdown`. Steps run one
    /// after the other, in the order added. They do not wait for slow requests.
    pub fn on_stop(mut self, step: impl Future<Output = ()> + Send + 'static) -> Self {
        self.on_stop.push(Box::pin(step));
        self
    }

    /// Adds a last step, after the requests, for what they use: the store's `close`. Steps run one after the other, in the
    /// order added.
    pub fn finally(mut self, step: impl Future<Output = ()> + Send + 'static) -> Self {
        self.finally.push(Box::pin(step));
        self
    }

    /// Sets the time limit of stopping as a whole; requests get all but the last second. Set it below the time after which
    /// the process would be killed: 10 s with Docker, 30 s with Kubernetes. Default: 9 s.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Serves until SIGTERM or Ctrl-C, then stops. Call it in a tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    /// See [`ServerError`]. After [`Interrupted`](ServerError::Interrupted) end the process: work may still be running.
    pub async fn run(self) -> Result<Stopped, ServerError> {
        let mut signals = Signals::listen().map_err(ServerError::Signals)?;
        let (first, stop) = oneshot::channel::<()>();
        let second = async {
            let signal = signals.next().await;
            tracing::info!("{signal} received");
            drop(first);
            signals.next().await
        };
        tokio::select! {
            ended = self.run_until(StopSignal(stop)) => ended,
            signal = second => {
                tracing::warn!("{signal} received, the second signal; stopped immediately");
                Err(ServerError::Interrupted)
            }
        }
    }

    /// Serves until `stop` completes, then stops; for a host with other signals, and for tests. Call it in a tokio runtime
    /// with I/O and time enabled. Dropping it aborts the accept loop and the workers.
    ///
    /// # Errors
    /// [`ServerError::Serve`] and [`ServerError::Workers`].
    pub async fn run_until(self, stop: impl Future<Output = ()> + Send) -> Result<Stopped, ServerError> {
        let (stop_accepting, accepting) = oneshot::channel::<()>();
        let (stop_publishing, publishing) = oneshot::channel::<()>();
        let mut requests = Task::spawn((self.serve)(StopSignal(accepting)));
        let mut workers = Task::spawn(publish(self.workers, StopSignal(publishing)));
        tokio::select! {
            () = stop => tracing::info!("stopping: finishing requests and publishing"),
            () = requests.ended() => tracing::error!("stopping: the HTTP server ended by itself"),
            () = workers.ended() => tracing::error!("stopping: the workers ended by themselves"),
        }
        let steps = ShutdownSteps {
            requests: async {
                drop(stop_accepting);
                requests.ended().await;
            },
            publishing: async {
                drop(stop_publishing);
                workers.ended().await;
            },
            on_stop: in_order(self.on_stop),
            finally: in_order(self.finally),
        };
        let stopped = shutdown::shut_down(steps, self.deadline).await;
        match stopped {
            Stopped::Complete => tracing::info!("stopped"),
            Stopped::TimedOut => {
                tracing::warn!("stopped at the shutdown deadline; unfinished work was aborted");
            }
        }
        match requests.result.take() {
            Some(Err(panic)) => return Err(ServerError::Serve(panic.into())),
            Some(Ok(Err(error))) => return Err(ServerError::Serve(error.into())),
            Some(Ok(Ok(()))) | None => {}
        }
        match workers.result.take() {
            Some(Err(panic)) => Err(ServerError::Workers(panic.into())),
            Some(Ok(())) | None => Ok(stopped),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("workers", &self.workers)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Runs all workers until the signal, and returns when each has stopped. The first panic is passed on.
async fn publish(all: Vec<Workers>, stop: StopSignal) {
    if all.is_empty() {
        return stop.await;
    }
    let mut running = JoinSet::new();
    let mut ends = Vec::with_capacity(all.len());
    for workers in all {
        let (end, ended) = oneshot::channel::<()>();
        running.spawn(workers.run(StopSignal(ended)));
        ends.push(end);
    }
    tokio::select! {
        () = stop => {}
        Some(ended) = running.join_next() => pass_on_panic(ended),
    }
    drop(ends);
    while let Some(ended) = running.join_next().await {
        pass_on_panic(ended);
    }
}

fn pass_on_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

async fn in_order(steps: Vec<BoxFuture<()>>) {
    for step in steps {
        step.await;
    }
}

/// A spawned task, aborted on drop.
struct Task<T> {
    handle: JoinHandle<T>,
    result: Option<Result<T, JoinError>>,
}

impl<T: Send + 'static> Task<T> {
    fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            handle: tokio::spawn(future),
            result: None,
        }
    }

    /// Completes when the task has ended; also if called again.
    async fn ended(&mut self) {
        if self.result.is_none() {
            self.result = Some((&mut self.handle).await);
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}
