//! Stopping a server with clients on real sockets.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, routing::post};
use messaging_axum::{Caller, ErrorResponse, Server, ServerError, Stopped};
use messaging_core::{
    Body, ConversationId, Messaging, OpenConversation, SendMessage, Workers, memory::MemoryStore,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, oneshot},
    task::JoinHandle,
};

use crate::support::{People, Transport, carl};

/// A host whose only route sends a message after it is permitted to.
#[derive(Clone)]
struct Host {
    messaging: Messaging,
    id: ConversationId,
    arrived: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

async fn send(Caller(me): Caller, State(host): State<Host>) -> Result<&'static str, ErrorResponse> {
    host.arrived.add_permits(1);
    host.released.acquire().await?.forget();
    let message = SendMessage::new(host.id, Body::parse("The last one")?);
    host.messaging.send_message(&me, &message).await?;
    Ok("sent")
}

/// What happened while stopping, in order.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    fn add(&self, event: impl Into<String>) {
        self.0.lock().expect("no panic").push(event.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }
}

struct Running {
    address: SocketAddr,
    host: Host,
    events: Events,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<Result<Stopped, ServerError>>,
}

impl Running {
    async fn start(deadline: Duration) -> Self {
        let transport = Transport::default();
        let (host, workers) = host(&transport).await;
        let app = Router::new().route("/send", post(send)).with_state(host.clone());
        let app = app.layer(axum::Extension(carl()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let events = Events::default();
        let (published, closed) = (events.clone(), events.clone());
        let server = Server::new(listener, app)
            .workers(workers)
            .on_stop(async move {
                for (_, name, data) in transport.take() {
                    published.add(format!("{name} {}", data["content"]));
                }
                published.add("channels closed");
            })
            .finally(async move { closed.add("store closed") })
            .deadline(deadline);
        let server = server.run_until(async {
            stopped.await.ok();
        });
        Self {
            address,
            host,
            events,
            stop: Some(stop),
            server: tokio::spawn(server),
        }
    }

    async fn connect(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address)
            .await
            .expect("the server listens");
        stream.write_all(text.as_bytes()).await.expect("the server reads");
        stream
    }

    /// Stops the server; returns once it accepts no more connections.
    async fn stop(&mut self) {
        self.stop = None;
        while TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}

async fn host(transport: &Transport) -> (Host, Workers) {
    let (messaging, workers) = Messaging::builder(MemoryStore::new(), People)
        .realtime(transport.clone())
        .build()
        .expect("the parts fit");
    let open = OpenConversation::new(messaging_core::AgentId::parse("alpine").expect("an id"));
    let opened = messaging
        .open_conversation(&carl(), &open)
        .await
        .expect("the conversation opens");
    let host = Host {
        messaging,
        id: opened.conversation.id(),
        arrived: Arc::new(Semaphore::new(0)),
        released: Arc::new(Semaphore::new(0)),
    };
    (host, workers)
}

const REQUEST: &str = "POST /send HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n";
/// Longer than a test.
const LONG: Duration = Duration::from_mins(10);

#[tokio::test]
async fn a_request_in_flight_is_answered_and_its_message_published_before_the_end() {
    let mut running = Running::start(LONG).await;
    let mut client = running.connect(REQUEST).await;
    running.host.arrived.acquire().await.expect("open").forget();
    running.stop().await;
    running.host.released.add_permits(1);
    let mut response = String::new();
    client.read_to_string(&mut response).await.expect("a response");
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    assert!(response.ends_with("sent"), "{response}");
    let stopped = running.server.await.expect("no panic").expect("it stops");
    assert_eq!(stopped, Stopped::Complete);
    let expected = ["new-message \"The last one\"", "channels closed", "store closed"];
    let events = running.events.all();
    // Only the event on the conversation's channel has the content.
    let told: Vec<_> = events.iter().filter(|event| !event.ends_with("null")).collect();
    assert_eq!(told, expected, "{events:?}");
}

#[tokio::test]
async fn clients_that_hold_on_to_connections_delay_the_end_only_to_the_limit() {
    let mut running = Running::start(Duration::from_secs(2)).await;
    let fresh = running.connect("").await;
    let half = running.connect("POST /send HTTP/1.1\r\nHost: ").await;
    running.host.released.add_permits(1);
    let mut kept_alive = running.connect(REQUEST).await;
    let mut response = [0; 12];
    kept_alive.read_exact(&mut response).await.expect("a response");
    assert_eq!(&response, b"HTTP/1.1 200");
    running.stop().await;
    kept_alive
        .read_to_end(&mut Vec::new())
        .await
        .expect("the connection is closed");
    let stopped = running.server.await.expect("no panic").expect("it stops");
    assert_eq!(stopped, Stopped::Complete);
    let events = running.events.all();
    assert!(
        events.ends_with(&["channels closed".to_owned(), "store closed".to_owned()]),
        "{events:?}"
    );
    drop((fresh, half));
}

#[tokio::test]
async fn an_accept_loop_that_fails_stops_the_rest() {
    let events = Events::default();
    let (on_stop, finally) = (events.clone(), events.clone());
    let (_, workers) = host(&Transport::default()).await;
    let server = Server::from_fn(async |_| Err(io::Error::other("no listener")))
        .workers(workers)
        .on_stop(async move { on_stop.add("channels closed") })
        .finally(async move { finally.add("store closed") });
    let failed = server.run_until(std::future::pending()).await;
    assert!(matches!(failed, Err(ServerError::Serve(_))), "{failed:?}");
    assert_eq!(events.all(), ["channels closed", "store closed"]);
}

#[tokio::test]
async fn an_accept_loop_that_panics_stops_the_rest() {
    let events = Events::default();
    let finally = events.clone();
    let server = Server::from_fn(async |_| panic!("the panic of this test"))
        .finally(async move { finally.add("store closed") });
    let failed = server.run_until(std::future::pending()).await;
    assert!(matches!(failed, Err(ServerError::Serve(_))), "{failed:?}");
    assert_eq!(events.all(), ["store closed"]);
}

#[tokio::test]
async fn the_workers_of_each_messaging_publish() {
    let (one, other) = (Transport::default(), Transport::default());
    let (first, first_workers) = host(&one).await;
    let (second, second_workers) = host(&other).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::new(listener, Router::new())
        .workers(first_workers)
        .workers(second_workers)
        .deadline(LONG);
    let server = tokio::spawn(server.run_until(async {
        stopped.await.ok();
    }));
    for host in [&first, &second] {
        let message = SendMessage::new(host.id, Body::parse("hello").expect("a text"));
        let sent = host.messaging.send_message(&carl(), &message).await;
        sent.expect("the message is stored");
    }
    drop(stop);
    let ended = server.await.expect("no panic").expect("it stops");
    assert_eq!(ended, Stopped::Complete);
    for transport in [one, other] {
        let published = transport.take();
        let is_new = |name: &str| name == "new-message";
        assert!(published.iter().any(|(_, name, _)| is_new(name)), "{published:?}");
    }
}
