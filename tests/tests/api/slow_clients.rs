//! Clients that send or read too slowly do not affect others.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
};

use messaging_tests::eventually;
use tokio_tungstenite::tungstenite::{self, Bytes, Message};

use crate::support::{answer, connect, kept, request, resident_mib, rest, start, status};

#[test]
fn a_stalled_request_times_out_without_delaying_others() {
    let (server, _data) = start(&[("CLIENT_TIMEOUT", "1")]);
    let halves = [
        "",
        "GET /healthz HT",
        "GET /healthz HTTP/1.1\r\nHost: here\r\nX-More: ",
    ];
    let lost = halves.map(|half| {
        let mut stream = connect(&server);
        stream.write_all(half.as_bytes()).unwrap();
        stream
    });
    let mut slow = connect(&server);
    let head = "POST /api/messages HTTP/1.1\r\nHost: here\r\nX-Demo-User: client-1\r\n\
                Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    slow.write_all(head.as_bytes()).unwrap();
    assert_eq!(server.anonymous().get("/healthz").unwrap().status, 200);
    for stream in lost {
        assert!(matches!(status(&rest(stream)), "none" | "408"));
    }
    assert_eq!(status(&rest(slow)), "408");
    assert_eq!(server.anonymous().get("/healthz").unwrap().status, 200);
}

#[test]
fn bodies_sent_byte_by_byte_time_out_without_blocking_others() {
    const CONNECTIONS: usize = 300;
    let (server, _data) = start(&[
        ("MAX_CONNECTIONS", &CONNECTIONS.to_string()),
        ("CLIENT_TIMEOUT", "10"),
    ]);
    let mut held: Vec<_> = (0..CONNECTIONS)
        .map(|n| {
            let mut stream = connect(&server);
            stream.set_nodelay(true).unwrap();
            // Alternately a route without a login and one with a login.
            let path = ["pusher/webhooks", "messages"][n % 2];
            let head = format!(
                "POST /api/{path} HTTP/1.1\r\nHost: here\r\nX-Demo-User: client-1\r\n\
                 Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..500 {
        for stream in &mut held {
            // A write to a disconnected client fails.
            stream.write_all(b" ").ok();
        }
    }
    assert_eq!(status(&answer(&server, &request("GET /healthz", &[], ""))), "200");
    let memory = resident_mib(&server);
    assert!(memory < 150, "{memory} MiB");
    for stream in held {
        let cut_off = rest(stream);
        // A connection that was reset during a write may have lost its response.
        assert!(matches!(status(&cut_off), "408" | "none"), "{cut_off}");
    }
    assert_eq!(server.anonymous().get("/healthz").unwrap().status, 200);
}

#[test]
fn websocket_messages_sent_byte_by_byte_use_memory_for_their_bytes_only() {
    const CONNECTIONS: usize = 20;
    // All that the server reads of a message, except for one byte.
    const BYTES: usize = 4 * 32 * 1024 - 1;
    let (server, _data) = start(&[]);
    let key = server.anonymous().get("/demo/config").unwrap().body["key"].clone();
    let url = format!(
        "ws://{}/app/{}?protocol=7",
        server.address(),
        key.as_str().unwrap()
    );
    // Masked with zeros: a text fragment of one byte, a continuation of one byte, and the final frame.
    let (first, part, last) = (
        [0x01, 0x81, 0, 0, 0, 0, b'x'],
        [0x00, 0x81, 0, 0, 0, 0, b'x'],
        [0x80, 0x80, 0, 0, 0, 0],
    );
    let parts = part.repeat(BYTES - 1);
    let before = resident_mib(&server);
    let mut sockets: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (mut socket, _) = tungstenite::client(&url, connect(&server)).unwrap();
            assert!(
                socket
                    .read()
                    .unwrap()
                    .to_string()
                    .contains("connection_established")
            );
            socket.get_mut().write_all(&first).unwrap();
            socket.get_mut().write_all(&parts).unwrap();
            socket
        })
        .collect();
    // A ping between two fragments: all earlier data have been read.
    for socket in &mut sockets {
        socket.send(Message::Ping(Bytes::new())).unwrap();
        assert!(socket.read().unwrap().is_pong());
    }
    let taken = resident_mib(&server).saturating_sub(before);
    assert!(taken < 50, "{taken} MiB");
    for socket in &mut sockets {
        socket.get_mut().write_all(&last).unwrap();
        assert!(socket.read().unwrap().to_string().contains("pusher:error"));
    }
}

#[test]
fn a_body_times_out_at_the_deadline_and_closes_its_connection() {
    let (server, _data) = start(&[("CLIENT_TIMEOUT", "1")]);
    let json = "Content-Type: application/json";
    let named = "X-Demo-User: client-1";
    for (line, headers) in [
        ("POST /api/messages", &[json, named][..]),
        ("POST /api/pusher/webhooks", &[json]),
        ("POST /demo/bookings", &[json, named]),
    ] {
        // The announced length exceeds the sent data.
        for length in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
            let headers = headers.join("\r\n");
            let head = format!("{line} HTTP/1.1\r\nHost: here\r\n{headers}\r\n{length}\r\n\r\n");
            let answer = answer(&server, &head);
            assert_eq!(status(&answer), "408", "{line} {length}: {answer}");
        }
    }
}

#[test]
fn a_client_that_reads_no_responses_is_disconnected() {
    check_given_up(|_| ());
}

#[test]
fn a_client_that_reads_responses_byte_by_byte_is_disconnected() {
    check_given_up(|stream| {
        // The server may have disconnected already.
        stream.read_exact(&mut [0]).ok();
    });
}

/// Checks that the only connection is closed if its client requests more than the buffers hold and goes on
/// like this.
fn check_given_up(mut resume: impl FnMut(&mut TcpStream)) {
    let (server, _data) = start(&[("MAX_CONNECTIONS", "1"), ("CLIENT_TIMEOUT", "1")]);
    let mut slow = kept(&server);
    slow.set_nonblocking(true).unwrap();
    let requests = "GET /demo/tours HTTP/1.1\r\nHost: here\r\n\r\n".repeat(1000);
    let blocked = eventually("the server stops reading", || {
        let written = slow.write_all(requests.as_bytes());
        written.err().map(|error| error.kind())
    });
    assert_eq!(blocked, ErrorKind::WouldBlock);
    let ask = || answer(&server, &request("GET /demo/users", &[], ""));
    eventually("a connection is accepted again", || {
        resume(&mut slow);
        (status(&ask()) == "200").then_some(())
    });
}
