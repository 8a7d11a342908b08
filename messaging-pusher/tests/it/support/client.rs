//! A minimal client of the protocol.

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

/// What a client receives.
#[derive(Debug, PartialEq)]
pub(crate) enum Received {
    /// A frame with parsed data.
    Frame(Value),
    /// The answer to a WebSocket ping.
    Pong,
    /// The end of the connection, with the close code if any.
    End(Option<u16>),
}

impl Client {
    /// As [`connect`](Self::connect), with a small receive buffer in the kernel.
    pub(crate) async fn connect_with_small_buffer(address: SocketAddr, path: &str) -> Self {
        let tcp = TcpSocket::new_v4().unwrap();
        tcp.set_recv_buffer_size(4 * 1024).unwrap();
        Self::handshake(tcp.connect(address).await.unwrap(), address, path).await
    }

    pub(crate) async fn connect(address: SocketAddr, path: &str) -> Self {
        Self::handshake(TcpStream::connect(address).await.unwrap(), address, path).await
    }

    async fn handshake(stream: TcpStream, address: SocketAddr, path: &str) -> Self {
        let (socket, _) = client_async(format!("ws://{address}{path}"), stream)
            .await
            .unwrap();
        Self {
            socket_id: String::new(),
            socket,
        }
    }

    pub(crate) async fn established(mut self) -> Self {
        let greeting = self.receive("pusher:connection_established").await;
        greeting["data"]["socket_id"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.socket_id);
        self
    }

    pub(crate) async fn send(&mut self, message: impl Into<Message>) {
        self.socket.send(message.into()).await.unwrap();
    }

    /// Sends raw bytes, whether or not they are valid WebSocket frames.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).await.unwrap();
    }

    /// Shuts down the write half without a close frame; reading continues.
    pub(crate) async fn shut_down_write(&mut self) {
        self.socket.get_mut().shutdown().await.unwrap();
    }

    pub(crate) async fn subscribe(&mut self, channel: &str, auth: &ChannelAuth) {
        let data = json!({ "channel": channel, "auth": auth.auth, "channel_data": auth.channel_data });
        self.send(json!({ "event": "pusher:subscribe", "data": data }).to_string())
            .await;
    }

    /// Sends a ping and receives the pong, so that all earlier messages have been handled.
    pub(crate) async fn ping_pong(&mut self) {
        self.send(r#"{"event":"pusher:ping","data":{}}"#).await;
        self.receive("pusher:pong").await;
    }

    /// The next frame, which must be this event.
    pub(crate) async fn receive(&mut self, event: &str) -> Value {
        match self.next().await {
            Received::Frame(frame) if frame["event"] == event => frame,
            other => panic!("expected {event}, received {other:?}"),
        }
    }

    /// Expects no message while other tasks run many times.
    pub(crate) async fn expect_nothing(&mut self) {
        let turns = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            received = self.next() => panic!("received {received:?}"),
            () = turns => {}
        }
    }

    /// Reads until the connection ends; returns the last frame's event and the close code.
    pub(crate) async fn receive_until_closed(&mut self) -> (Value, Option<u16>) {
        let mut last = Value::Null;
        loop {
            match self.next().await {
                Received::Frame(frame) => last = frame["event"].clone(),
                Received::Pong => {}
                Received::End(code) => return (last, code),
            }
        }
    }

    pub(crate) async fn next(&mut self) -> Received {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let mut frame: Value = serde_json::from_str(&text).unwrap();
                if let Some(data) = frame["data"].as_str() {
                    frame["data"] = serde_json::from_str(data).unwrap();
                }
                Received::Frame(frame)
            }
            Some(Ok(Message::Pong(_))) => Received::Pong,
            Some(Ok(Message::Close(close))) => Received::End(close.map(|close| close.code.into())),
            Some(Ok(other)) => panic!("unexpected message {other:?}"),
            Some(Err(_)) | None => Received::End(None),
        }
    }
}
