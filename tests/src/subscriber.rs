use std::{
    net::TcpStream,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::{Caller, Server, eventually};

/// A client of a server's channels that records all received events.
#[derive(Debug)]
pub struct Subscriber {
    heard: Arc<Mutex<Heard>>,
    ears: Option<JoinHandle<()>>,
    stream: TcpStream,
}

/// The end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The server closed it with this code.
    Closed(u16),
    /// It was lost.
    Lost,
}

#[derive(Debug, Default)]
struct Heard {
    events: Vec<Value>,
    end: Option<End>,
}

/// The time limit of each step of the handshake.
const TIME_LIMIT: Duration = Duration::from_mins(1);

impl Subscriber {
    /// Connects to the server's channels, wherever they are, and subscribes to these as the caller. Returns when all
    /// subscriptions have succeeded.
    ///
    /// # Panics
    /// If the server refuses one.
    pub fn connect(server: &Server, caller: &Caller, channels: &[String]) -> Self {
        let config = server.anonymous().get("/demo/config").expect("a response").body;
        let host = config["wsHost"].as_str().expect("the setting has a host");
        let port = config["wsPort"].as_u64().expect("the setting has a port");
        let stream = TcpStream::connect(format!("{host}:{port}")).expect("the realtime server listens");
        stream
            .set_read_timeout(Some(TIME_LIMIT))
            .expect("a limit can be set");
        let closer = stream.try_clone().expect("a stream has a second handle");
        let key = config["key"].as_str().expect("a key");
        let url = format!("ws://{host}:{port}/app/{key}?protocol=7&client=tests&version=1");
        let (mut socket, _) = tungstenite::client(url, stream).expect("a WebSocket");
        let established = next_event(&mut socket);
        assert_eq!(established["event"], "pusher:connection_established");
        let data = established["data"].as_str().expect("data are a string");
        let data: Value = serde_json::from_str(data).expect("data are JSON");
        let socket_id = data["socket_id"].as_str().expect("a socket id");
        for channel in channels {
            let form = [("socket_id", socket_id), ("channel_name", channel.as_str())];
            let signed = caller.post_form("/api/pusher/auth", &form).expect("a response");
            assert_eq!(signed.status, 200, "{channel}: {signed:?}");
            let data = json!({ "channel": channel, "auth": signed.body["auth"] });
            let subscribe = json!({ "event": "pusher:subscribe", "data": data }).to_string();
            socket.send(Message::text(subscribe)).expect("the server reads");
        }
        // A subscriber may be silent for long; dropping this ends the connection.
        closer.set_read_timeout(None).expect("a limit can be lifted");
        let heard = Arc::new(Mutex::new(Heard::default()));
        let told = heard.clone();
        let ears = thread::spawn(move || listen(socket, &told));
        let subscriber = Self {
            heard,
            ears: Some(ears),
            stream: closer,
        };
        eventually("every subscription succeeds", || {
            let events = subscriber.named("pusher_internal:subscription_succeeded");
            (events.len() == channels.len()).then_some(())
        });
        subscriber
    }

    /// Returns all events so far, each as `{event, channel, data}` with parsed data.
    pub fn events(&self) -> Vec<Value> {
        self.heard().events.clone()
    }

    /// Returns the events with this name so far, each as `{event, channel, data}` with parsed data.
    pub fn named(&self, event: &str) -> Vec<Value> {
        let heard = self.heard();
        heard
            .events
            .iter()
            .filter(|heard| heard["event"] == event)
            .cloned()
            .collect()
    }

    /// Returns the messages received on a conversation's channel so far.
    pub fn messages_of(&self, conversation_id: &str) -> Vec<Value> {
        let channel = format!("private-conversation-{conversation_id}");
        let events = self.named("new-message").into_iter();
        events
            .filter(|event| event["channel"] == *channel)
            .map(|mut event| event["data"].take())
            .collect()
    }

    /// Returns the end of the connection; `None` while it is open.
    pub fn end(&self) -> Option<End> {
        self.heard().end
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Both).ok();
        if let Some(ears) = self.ears.take() {
            ears.join().ok();
        }
    }
}

fn listen(mut socket: WebSocket<TcpStream>, heard: &Mutex<Heard>) {
    let end = loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let event = parse(&text);
                heard
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .events
                    .push(event);
            }
            Ok(Message::Close(frame)) => {
                break frame.map_or(End::Lost, |frame| End::Closed(frame.code.into()));
            }
            Ok(_) => {}
            Err(_) => break End::Lost,
        }
    };
    heard.lock().unwrap_or_else(PoisonError::into_inner).end = Some(end);
    // The close frame is answered before the connection ends.
    socket.flush().ok();
}

fn next_event(socket: &mut WebSocket<TcpStream>) -> Value {
    match socket.read().expect("the connection is readable") {
        Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
        other => panic!("not an event: {other:?}"),
    }
}

/// An event whose data, a JSON text on the wire, are parsed.
fn parse(text: &str) -> Value {
    let mut event: Value = serde_json::from_str(text).expect("JSON");
    if let Some(data) = event["data"]
        .as_str()
        .and_then(|data| serde_json::from_str(data).ok())
    {
        event["data"] = data;
    }
    event
}
