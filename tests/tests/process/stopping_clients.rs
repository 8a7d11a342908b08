//! Shutdown of a server whose clients keep their connections open.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use messaging_tests::{End, Server, Settings, Subscriber, eventually};

/// Longer than any step of these tests.
const PATIENCE: Duration = Duration::from_mins(1);

/// A client that has sent this, and neither sends nor reads any more.
fn mute(server: &Server, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

/// A WebSocket client that reads nothing after the handshake, and answers no close frame.
fn deaf_websocket(server: &Server) -> TcpStream {
    let config = server.anonymous().get("/demo/config").unwrap().body;
    let key = config["key"].as_str().unwrap();
    let mut stream = mute(
        server,
        &format!(
            "GET /app/{key}?protocol=7 HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ),
    );
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream
}

#[test]
fn clients_that_stay_connected_do_not_delay_shutdown() {
    let data = tempfile::tempdir().unwrap();
    // By default the server would wait ten minutes for the incomplete requests.
    let server = Settings::in_directory(data.path())
        .with_env("CLIENT_TIMEOUT", "600")
        .start();
    let client = server.caller("client-1");
    let id = client.open("agency-1");
    let agent = server.caller("agent-1");
    let listener = Subscriber::connect(&server, &agent, &[format!("private-conversation-{id}")]);
    let half = "POST /api/messages HTTP/1.1\r\nHost: here\r\nX-Demo-User: client-1\r\n\
                Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let held = [
        mute(&server, half),
        mute(&server, "GET /healthz HTTP/1.1\r\nHost: "),
        mute(&server, ""),
        deaf_websocket(&server),
    ];
    let sent = client.send(&id, "last", "last").unwrap();
    assert_eq!(sent.status, 201);

    let ended = server.stop("TERM");
    assert!(ended.status.success(), "{:?}\n{}", ended.status, ended.log);
    assert!(!ended.log.contains("ERROR"), "{}", ended.log);
    let cut_off = "some requests were cut off";
    assert!(ended.log.contains(cut_off), "{}", ended.log);
    assert!(ended.log.contains("stopped"), "{}", ended.log);
    // Subscribers receive all events, and a close frame.
    assert_eq!(
        eventually("the connection ends", || listener.end()),
        End::Closed(4200)
    );
    assert_eq!(listener.messages_of(&id).len(), 1);
    drop(held);
}
