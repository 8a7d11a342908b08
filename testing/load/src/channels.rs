//! A WebSocket of the Pusher protocol with subscriptions.

use anyhow::{Context as _, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};

use crate::http::{Call, Connection};

#[derive(Debug)]
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// The address of the WebSocket server.
pub(crate) async fn url(connection: &mut Connection) -> anyhow::Result<String> {
    let config = Call {
        user: "client-1".to_owned(),
        method: Method::GET,
        path: "/demo/config".to_owned(),
        body: String::new(),
    };
    let config: Value = serde_json::from_slice(&connection.call(config).await?.body)?;
    let text = |name: &str| config[name].as_str().context("the setting is a text");
    let port = config["wsPort"].as_u64().context("the setting is a port")?;
    Ok(format!(
        "ws://{}:{port}/app/{}?protocol=7&client=load&version=1",
        text("wsHost")?,
        text("key")?
    ))
}

impl Socket {
    /// Connects, and subscribes to these channels as a user.
    pub(crate) async fn subscribed(
        connection: &mut Connection,
        url: &str,
        user: &str,
        channels: &[String],
    ) -> anyhow::Result<Self> {
        let (stream, _) = connect_async(url).await?;
        let mut socket = Self(stream);
        let established = socket.event().await?;
        let data: Value = serde_json::from_str(established["data"].as_str().context("data")?)?;
        let id = data["socket_id"].as_str().context("no socket id")?;
        for channel in channels {
            let sign = Call {
                user: user.to_owned(),
                method: Method::POST,
                path: "/api/pusher/auth".to_owned(),
                body: format!("socket_id={id}&channel_name={channel}"),
            };
            let signed = connection.call(sign).await?;
            ensure!(signed.status.is_success(), "{channel} is not signed");
            let signed: Value = serde_json::from_slice(&signed.body)?;
            let data = json!({ "channel": channel, "auth": signed["auth"] });
            let subscribe = json!({ "event": "pusher:subscribe", "data": data });
            socket.0.send(Message::text(subscribe.to_string())).await?;
            let answer = socket.event().await?;
            ensure!(
                answer["event"] == "pusher_internal:subscription_succeeded",
                "{answer}"
            );
        }
        Ok(socket)
    }

    /// Returns the next event.
    pub(crate) async fn event(&mut self) -> anyhow::Result<Value> {
        loop {
            match self.0.next().await.context("the socket was closed")? {
                Ok(Message::Text(text)) => return Ok(serde_json::from_str(&text)?),
                Ok(Message::Close(_)) | Err(Error::ConnectionClosed) => {
                    anyhow::bail!("the socket was closed")
                }
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
