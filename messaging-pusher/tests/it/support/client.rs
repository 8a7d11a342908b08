//! A client of the protocol, as plain as can be.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use messaging_core::transport::channels::ChannelAuth;
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

pub(crate) struct Client {
    pub(crate) socket_id: String,
    socket: WebSocketStream<TcpStream>,
}

/// What a client hears.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// A frame, its data read.
    Frame(Value),
    /// The answer to a ping of the WebSocket.
    Pong,
    /// The end, with the close code if there was one.
    End(Option<u16>),
}

impl Client {
    /// As [`connect`](Self::connect), with little room in the kernel for what it does not read.
    pub(crate) async fn connect_narrow(address: SocketAddr, path: &str) -> Self {
        let tcp = TcpSocket::new_v4().unwrap();
        tcp.set_recv_buffer_size(4 * 1024).unwrap();
        Self::over(tcp.connect(address).await.unwrap(), address, path).await
    }

    pub(crate) async fn connect(address: SocketAddr, path: &str) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), address, path).await
    }

    async fn over(stream: TcpStream, address: SocketAddr, path: &str) -> Self {
        let (socket, _) = client_async(format!("ws://{address}{path}"), stream)
            .await
            .unwrap();
        Self {
            socket_id: String::new(),
            socket,
        }
    }

    pub(crate) async fn established(mut self) -> Self {
        let greeting = self.hear("pusher:connection_established").await;
        greeting["data"]["socket_id"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.socket_id);
        self
    }

    pub(crate) async fn say(&mut self, message: impl Into<Message>) {
        self.socket.send(message.into()).await.unwrap();
    }

    /// Sends bytes as they are, whether they are WebSocket or not.
    pub(crate) async fn say_raw(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).await.unwrap();
    }

    /// Ends the connection without a goodbye, and goes on reading.
    pub(crate) async fn hang_up(&mut self) {
        self.socket.get_mut().shutdown().await.unwrap();
    }

    pub(crate) async fn subscribe(&mut self, channel: &str, auth: &ChannelAuth) {
        let data = json!({ "channel": channel, "auth": auth.auth, "channel_data": auth.channel_data });
        self.say(json!({ "event": "pusher:subscribe", "data": data }).to_string())
            .await;
    }

    /// Says ping and hears pong: whatever was said before has been dealt with.
    pub(crate) async fn settle(&mut self) {
        self.say(r#"{"event":"pusher:ping","data":{}}"#).await;
        self.hear("pusher:pong").await;
    }

    /// The next frame, which must be this event.
    pub(crate) async fn hear(&mut self, event: &str) -> Value {
        match self.next().await {
            Heard::Frame(frame) if frame["event"] == event => frame,
            other => panic!("expected {event}, heard {other:?}"),
        }
    }

    /// Hears nothing in many turns of the other tasks.
    pub(crate) async fn expect_silence(&mut self) {
        let turns = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            heard = self.next() => panic!("heard {heard:?}"),
            () = turns => {}
        }
    }

    /// The rest up to the end: the last frame's event and the close code.
    pub(crate) async fn hear_out(&mut self) -> (Value, Option<u16>) {
        let mut last = Value::Null;
        loop {
            match self.next().await {
                Heard::Frame(frame) => last = frame["event"].clone(),
                Heard::Pong => {}
                Heard::End(code) => return (last, code),
            }
        }
    }

    pub(crate) async fn next(&mut self) -> Heard {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let mut frame: Value = serde_json::from_str(&text).unwrap();
                if let Some(data) = frame["data"].as_str() {
                    frame["data"] = serde_json::from_str(data).unwrap();
                }
                Heard::Frame(frame)
            }
            Some(Ok(Message::Pong(_))) => Heard::Pong,
            Some(Ok(Message::Close(close))) => Heard::End(close.map(|close| close.code.into())),
            Some(Ok(other)) => panic!("unexpected message {other:?}"),
            Some(Err(_)) | None => Heard::End(None),
        }
    }
}
