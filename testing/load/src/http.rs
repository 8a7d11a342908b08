//! Persistent connections with one call at a time.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A request of a user.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) user: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The body: JSON, a form, or empty for none.
    pub(crate) body: String,
}

#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    pub(crate) after: Duration,
}

impl Connection {
    /// Connects to `host:port`.
    pub(crate) async fn open(host: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host)
            .await
            .context("connecting to the server")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: host.to_owned(),
        })
    }

    /// Makes a call, and reads the complete response.
    pub(crate) async fn call(&mut self, call: Call) -> anyhow::Result<Answered> {
        let media = if call.body.starts_with('{') {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        };
        let request = Request::builder()
            .method(call.method)
            .uri(&call.path)
            .header(HOST, &self.host)
            .header("x-demo-user", call.user)
            .header(CONTENT_TYPE, media)
            .body(Full::from(call.body))?;
        let begun = Instant::now();
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(Answered {
            status,
            body,
            after: begun.elapsed(),
        })
    }
}
