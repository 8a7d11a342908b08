//! A server that notes what it is asked, and answers as it is told.

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

/// What it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// How it answers.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status, with headers, and a body.
    Status(u16, &'static str, String),
    /// Never.
    Silence,
    /// It hangs up.
    HangUp,
    /// These bytes, and then it hangs up.
    Bytes(&'static [u8]),
    /// A body that does not end.
    Endless,
}

#[derive(Clone)]
pub(crate) struct FaultServer {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    connections: usize,
    next: VecDeque<Reply>,
    usual: Option<Reply>,
}

pub(crate) fn status(status: u16) -> Reply {
    Reply::Status(status, "", format!("status {status}"))
}

impl FaultServer {
    /// One that accepts everything until it is told otherwise.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self::at(listener.local_addr().unwrap());
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().talk(stream));
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

    /// Answers the next calls like that, then as usual.
    pub(crate) fn answer_next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.lock().unwrap().next = replies.into_iter().collect();
    }

    /// Answers all calls like that.
    pub(crate) fn answer_all(&self, reply: Reply) {
        self.state.lock().unwrap().usual = Some(reply);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Waits until it has been asked so often.
    pub(crate) async fn wait_for_call(&self, calls: usize) {
        let asked = async {
            while self.asked().len() < calls {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asked)
            .await
            .expect("a call");
    }

    /// Serves one connection.
    pub(crate) async fn talk(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        self.state.lock().unwrap().connections += 1;
        let mut stream = BufReader::new(stream);
        while let Some(asked) = read(&mut stream).await {
            let reply = {
                let mut state = self.state.lock().unwrap();
                state.asked.push(asked);
                let usual = state.usual.clone();
                let accept = || Reply::Status(200, "", "{}".to_owned());
                state.next.pop_front().or(usual).unwrap_or_else(accept)
            };
            let answer = match reply {
                Reply::Status(status, headers, body) => {
                    let length = body.len();
                    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}")
                        .into_bytes()
                }
                Reply::Silence => return std::future::pending().await,
                Reply::HangUp => return,
                Reply::Bytes(bytes) => {
                    stream.write_all(bytes).await.ok();
                    return;
                }
                Reply::Endless => {
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

async fn read(stream: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Option<Asked> {
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
    Some(Asked {
        method,
        target,
        headers,
        body,
    })
}
