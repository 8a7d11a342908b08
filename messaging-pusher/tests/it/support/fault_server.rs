//! An HTTP server that records requests and replies as configured.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite},
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};

/// A recorded request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// A configured reply.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status with headers and a body.
    Status(u16, &'static str, String),
    /// No response; the connection stays open.
    NoAnswer,
    /// Closes the connection.
    Disconnect,
    /// Sends these bytes and closes the connection.
    Bytes(&'static [u8]),
    /// An endless body.
    EndlessBody,
}

#[derive(Clone)]
pub(crate) struct FaultServer {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    connections: usize,
    next: VecDeque<Reply>,
    default_reply: Option<Reply>,
}

pub(crate) fn status(status: u16) -> Reply {
    Reply::Status(status, "", format!("status {status}"))
}

impl FaultServer {
    /// A server that accepts every request by default.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self::at(listener.local_addr().unwrap());
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(stream));
            }
        });
        server
    }

    pub(crate) fn at(address: SocketAddr) -> Self {
        Self {
            address,
            state: Arc::default(),
        }
    }

    /// Replies to the next requests in this order.
    pub(crate) fn reply_next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.lock().unwrap().next = replies.into_iter().collect();
    }

    /// Sets the reply to all other requests.
    pub(crate) fn reply_all(&self, reply: Reply) {
        self.state.lock().unwrap().default_reply = Some(reply);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Waits for this number of requests.
    pub(crate) async fn wait_for_requests(&self, count: usize) {
        let received = async {
            while self.requests().len() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), received)
            .await
            .expect("the requests arrive");
    }

    /// Serves one connection.
    pub(crate) async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        self.state.lock().unwrap().connections += 1;
        let mut stream = BufReader::new(stream);
        while let Some(request) = read(&mut stream).await {
            let reply = {
                let mut state = self.state.lock().unwrap();
                state.requests.push(request);
                let default_reply = state.default_reply.clone();
                let accept = || Reply::Status(200, "", "{}".to_owned());
                state.next.pop_front().or(default_reply).unwrap_or_else(accept)
            };
            let answer = match reply {
                Reply::Status(status, headers, body) => {
                    let length = body.len();
                    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}")
                        .into_bytes()
                }
                Reply::NoAnswer => return std::future::pending().await,
                Reply::Disconnect => return,
                Reply::Bytes(bytes) => {
                    stream.write_all(bytes).await.ok();
                    return;
                }
                Reply::EndlessBody => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok();
                    while stream.write_all(&[b' '; 4096]).await.is_ok() {}
                    return;
                }
            };
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

async fn read(stream: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Option<Request> {
    let mut line = String::new();
    stream
        .read_line(&mut line)
        .await
        .ok()
        .filter(|length| *length > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, length)| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).unwrap();
    Some(Request {
        method,
        target,
        headers,
        body,
    })
}
