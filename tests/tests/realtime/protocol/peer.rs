//! A client of the protocol that records received frames.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use messaging_core::event::SocketId;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// The time limit of an expected frame.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Peer {
    name: &'static str,
    socket: WebSocketStream<TcpStream>,
    socket_id: Option<String>,
}

impl Peer {
    /// Connects with this query.
    pub(crate) async fn connect(name: &'static str, address: SocketAddr, path: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = client_async(format!("ws://{address}{path}"), stream)
            .await
            .unwrap();
        Self {
            name,
            socket,
            socket_id: None,
        }
    }

    /// Returns its socket id, which the greeting contains.
    pub(crate) fn socket_id(&self) -> SocketId {
        SocketId::parse(self.socket_id.as_deref().unwrap()).unwrap()
    }

    pub(crate) async fn says(&mut self, message: impl Into<Message>) {
        self.socket.send(message.into()).await.unwrap();
    }

    pub(crate) async fn says_event(&mut self, event: &str, data: Value) {
        self.says(json!({ "event": event, "data": data }).to_string())
            .await;
    }

    /// Returns the next frames, so many and any that arrived with them, as lines.
    pub(crate) async fn hears(&mut self, frames: usize) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.len() < frames {
            let Ok(heard) = timeout(PATIENCE, self.socket.next()).await else {
                break;
            };
            let (line, is_end) = self.format_frame(heard.and_then(Result::ok));
            lines.push(line);
            if is_end {
                return lines;
            }
        }
        // Frames that precede the answer to a ping have arrived by then.
        self.socket.send(Message::Ping("settled".into())).await.ok();
        loop {
            match timeout(PATIENCE, self.socket.next()).await {
                Ok(Some(Ok(Message::Pong(pong)))) if pong == "settled" => return lines,
                Ok(heard @ Some(Ok(_))) => lines.push(self.format_frame(heard.and_then(Result::ok)).0),
                _ => return lines,
            }
        }
    }

    /// Formats a frame as a line; returns whether it is the last.
    fn format_frame(&mut self, heard: Option<Message>) -> (String, bool) {
        let name = self.name;
        match heard {
            Some(Message::Text(text)) => (format!("{name}: {}", self.frame(&text)), false),
            Some(Message::Pong(data)) => (format!("{name}: (pong {:?})", data.to_vec()), false),
            Some(Message::Close(close)) => {
                let code = close.map(|close| u16::from(close.code));
                (format!("{name}: (closed with {code:?})"), true)
            }
            Some(other) => (format!("{name}: ({other:?})"), false),
            None => (format!("{name}: (lost)"), true),
        }
    }

    /// Formats a frame uniformly: sorted keys, the socket id replaced by the client's name, and JSON texts
    /// within strings marked as such.
    fn frame(&mut self, text: &str) -> String {
        let mut frame: Value = serde_json::from_str(text).unwrap();
        let data = frame["data"].take();
        let told = match data {
            Value::Null => String::new(),
            Value::String(text) => match serde_json::from_str::<Value>(&text) {
                Ok(data) => format!(" string of {}", self.by_name(data)),
                Err(_) => format!(" {text:?}"),
            },
            data => format!(" {}", self.by_name(data)),
        };
        if let Value::Object(frame) = &mut frame {
            frame.retain(|_, value| !value.is_null());
        }
        format!("{frame}{told}")
    }

    fn by_name(&mut self, mut data: Value) -> Value {
        // Their order is not specified.
        if let Some(ids) = data.pointer_mut("/presence/ids").and_then(Value::as_array_mut) {
            ids.sort_by_key(ToString::to_string);
        }
        // Error texts are for people, and may contain a socket id.
        if let (Some(text), Some(id)) = (data["message"].as_str(), &self.socket_id) {
            data["message"] = text.replace(id, &format!("<{}>", self.name)).into();
        }
        if let Some(id) = data["socket_id"].as_str() {
            assert!(SocketId::parse(id).is_ok(), "{id}");
            self.socket_id = Some(id.to_owned());
            data["socket_id"] = format!("<{}>", self.name).into();
        }
        data
    }
}
