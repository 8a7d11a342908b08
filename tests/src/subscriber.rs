use std::{
    net::TcpStream,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::{Caller, Server, eventually};

/// Somebody connected to a server's channels, who remembers all that they are told.
#[derive(Debug)]
pub struct Subscriber {
    heard: Arc<Mutex<Heard>>,
    ears: Option<JoinHandle<()>>,
    stream: TcpStream,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The server said goodbye, with this code.
    Closed(u16),
    /// It broke off.
    Lost,
}

#[derive(Debug, Default)]
struct Heard {
    events: Vec<Value>,
    end: Option<End>,
}

/// For how long the server may leave a step of the handshake unanswered.
const TIME_LIMIT: Duration = Duration::from_mins(1);

impl Subscriber {
    /// Connects to the server's channels, wherever they are, and subscribes to these in the name of the caller. All of them have been accepted
    /// when this returns.
    ///
    /// # Panics
    /// When one is refused.
    pub fn connect(server: &Server, caller: &Caller, channels: &[String]) -> Self {
        let config = server.anybody().get("/demo/config").expect("an answer").body;
        let host = config["wsHost"].as_str().expect("a host");
        let port = config["wsPort"].as_u64().expect("a port");
        let stream = TcpStream::connect(format!("{host}:{port}")).expect("the channels' server listens");
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
            let signed = caller.post_form("/api/pusher/auth", &form).expect("an answer");
            assert_eq!(signed.status, 200, "{channel}: {signed:?}");
            let data = json!({ "channel": channel, "auth": signed.body["auth"] });
            let subscribe = json!({ "event": "pusher:subscribe", "data": data }).to_string();
            socket.send(Message::text(subscribe)).expect("the server reads");
        }
        // From here on there may be nothing to say for long; dropping this ends the connection.
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

    /// All events so far, each `{event, channel, data}` with its data as JSON.
    pub fn events(&self) -> Vec<Value> {
        self.heard().events.clone()
    }

    /// The events of this name so far, each `{event, channel, data}` with its data as JSON.
    pub fn named(&self, event: &str) -> Vec<Value> {
        let heard = self.heard();
        heard
            .events
            .iter()
            .filter(|heard| heard["event"] == event)
            .cloned()
            .collect()
    }

    /// The messages told on a conversation's channel so far.
    pub fn messages_of(&self, conversation_id: &str) -> Vec<Value> {
        let channel = format!("private-conversation-{conversation_id}");
        let events = self.named("new-message").into_iter();
        events
            .filter(|event| event["channel"] == *channel)
            .map(|mut event| event["data"].take())
            .collect()
    }

    /// How the connection ended; `None` as long as it has not.
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
    // The goodbye is answered before the connection goes.
    socket.flush().ok();
}

fn next_event(socket: &mut WebSocket<TcpStream>) -> Value {
    match socket.read().expect("the server talks") {
        Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
        other => panic!("not an event: {other:?}"),
    }
}

/// An event whose data, a string of JSON on the wire, are JSON.
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
