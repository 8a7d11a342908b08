//! The effects of a realtime server that refuses events or credentials, as operators see them.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    thread,
};

use messaging_tests::{Server, Settings, eventually};
use serde_json::Value;

use crate::pusher::support::send;

/// A server that answers every call with one status.
struct Answering {
    address: SocketAddr,
    status: Arc<AtomicU16>,
}

impl Answering {
    fn with(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let status = Arc::new(AtomicU16::new(status));
        let shared = status.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let status = shared.clone();
                thread::spawn(move || answer(stream, &status));
            }
        });
        Self { address, status }
    }

    fn now_with(&self, status: u16) {
        self.status.store(status, Ordering::Release);
    }

    fn server(&self, data: &Path) -> Server {
        Settings::in_directory(data)
            .with_env("PUSHER_APP_ID", "1")
            .with_env("PUSHER_KEY", "key")
            .with_env("PUSHER_SECRET", "hush-hush")
            .with_env("PUSHER_HOST", "127.0.0.1")
            .with_env("PUSHER_PORT", self.address.port().to_string())
            .with_env("PUSHER_USE_TLS", "false")
            .start()
    }
}

fn answer(stream: TcpStream, status: &AtomicU16) {
    let mut lines = BufReader::new(stream);
    loop {
        let (mut length, mut line) = (0, String::new());
        while lines.read_line(&mut line).is_ok_and(|read| read > 0) && line != "\r\n" {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        if line.is_empty() || lines.read_exact(&mut body).is_err() {
            return;
        }
        let status = status.load(Ordering::Acquire);
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\n{{}}");
        if lines.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn ready(server: &Server) -> (u16, Value) {
    let answer = server.anonymous().get("/readyz").unwrap();
    (answer.status, answer.body)
}

#[test]
fn refused_events_are_listed_and_requeued() {
    let data = tempfile::tempdir().unwrap();
    let pusher = Answering::with(413);
    let server = pusher.server(data.path());
    let id = server.caller("client-1").open("agency-1");
    eventually("the event is a dead letter", || {
        let (status, body) = ready(&server);
        assert_eq!(status, 200, "a dead letter does not fail readiness");
        (body["deadLetters"] == 1 && body["unpublishedConversations"] == 0).then_some(())
    });
    let outbox = |arguments: &[&str]| {
        let settings = Settings::in_directory(data.path()).with_argument("outbox");
        let settings = arguments
            .iter()
            .fold(settings, |settings, it| settings.with_argument(it));
        settings.run().output
    };
    let listed = outbox(&["list"]);
    assert!(
        listed.contains(&format!(" {id} 1 ")) && listed.contains("413"),
        "{listed}"
    );
    pusher.now_with(200);
    assert_eq!(outbox(&["requeue", "--all"]), "requeued: 1\n");
    eventually("the event is published", || {
        let (_, body) = ready(&server);
        (body["deadLetters"] == 0 && body["unpublishedConversations"] == 0).then_some(())
    });
    let log = server.stop("TERM").log;
    assert!(
        log.contains("moved to the dead letters") && !log.contains("hush"),
        "{log}"
    );
}

#[test]
fn refused_credentials_fail_the_readiness_probe() {
    let data = tempfile::tempdir().unwrap();
    let pusher = Answering::with(401);
    let server = pusher.server(data.path());
    let client = server.caller("client-1");
    let id = client.open("agency-1");
    eventually("publishing is halted", || (ready(&server).0 == 503).then_some(()));
    send(&client, &id, "answered-all-the-same");
    let log = server.stop("TERM").log;
    assert!(
        log.contains("does not accept our credentials") && !log.contains("hush"),
        "{log}"
    );

    // The operator corrects the configuration and restarts the server.
    pusher.now_with(200);
    let server = pusher.server(data.path());
    eventually("every event is published", || {
        let (status, body) = ready(&server);
        (status == 200 && body["unpublishedConversations"] == 0).then_some(())
    });
}
