//! What comes over the wire that no honest client sends, and what browsers are told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use messaging_tests::{Server, Settings, eventually};
use serde_json::json;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{self, Bytes, Message};

/// Longer than the server waits.
const PATIENCE: Duration = Duration::from_mins(1);

fn start(settings: &[(&str, &str)]) -> (Server, TempDir) {
    let data = tempfile::tempdir().unwrap();
    let begun = Settings::in_directory(data.path());
    let settings = settings
        .iter()
        .fold(begun, |begun, (name, value)| begun.with_env(name, value));
    (settings.start(), data)
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection that has a place among all others, and keeps it. One that is closed keeps its own for a moment.
fn kept(server: &Server) -> TcpStream {
    eventually("there is a place", || {
        let mut stream = connect(server);
        stream
            .write_all(b"HEAD /demo/users HTTP/1.1\r\nHost: here\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).unwrap() == 0 {
                break;
            }
            answer.extend(byte);
        }
        answer.starts_with(b"HTTP/1.1 200").then_some(stream)
    })
}

/// What is answered until the server hangs up.
fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        // It did not read all that it was sent.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the server does not hang up: {error}"),
    }
    String::from_utf8(answer).unwrap()
}

/// Sends this, and gives what is answered until the server hangs up.
fn answer(server: &Server, request: &str) -> String {
    let mut stream = connect(server);
    // It may have hung up before all of it was sent.
    stream.write_all(request.as_bytes()).ok();
    rest(stream)
}

/// A request after which the server hangs up.
fn request(line: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
    let length = body.len();
    format!(
        "{line} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[test]
fn who_does_not_go_on_with_a_request_is_given_up_and_nobody_else_waits() {
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
    assert_eq!(server.anybody().get("/healthz").unwrap().status, 200);
    for stream in lost {
        assert!(matches!(status(&rest(stream)), "none" | "408"));
    }
    assert_eq!(status(&rest(slow)), "408");
    assert_eq!(server.anybody().get("/healthz").unwrap().status, 200);
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let (server, _data) = start(&[]);
    let many: Vec<_> = (0..100).map(|n| format!("X-{n}: a")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let long = format!("X-Long: {}", "a".repeat(64 * 1024));
    for headers in [&many[..], &[&long]] {
        let answer = answer(&server, &request("GET /healthz", headers, ""));
        assert_eq!(status(&answer), "431", "{answer}");
    }
    let path = format!("GET /{}", "a".repeat(64 * 1024));
    assert!(matches!(
        status(&answer(&server, &request(&path, &[], ""))),
        "414" | "431"
    ));
    assert_eq!(server.anybody().get("/healthz").unwrap().status, 200);
}

#[test]
fn bodies_that_are_too_large_or_too_deep_are_refused() {
    let (server, _data) = start(&[]);
    let rows = "{\"conversationId\": \"x\", \"content\": \"Hello\"},".repeat(100_000);
    let deep = format!("{{\"content\": {}", "[".repeat(60_000));
    let headers = ["X-Demo-User: client-1", "Content-Type: application/json"];
    for (body, expected) in [(format!("[{rows}]"), "413"), (deep, "400")] {
        let answer = answer(&server, &request("POST /api/messages", &headers, &body));
        assert_eq!(status(&answer), expected, "{answer}");
    }
}

#[test]
fn when_all_connections_are_taken_probes_are_answered_and_all_else_is_told_to_come_again() {
    let (server, _data) = start(&[("MAX_CONNECTIONS", "2"), ("CLIENT_TIMEOUT", "60")]);
    let taken = [kept(&server), kept(&server)];
    let ask = |line: &str| answer(&server, &request(line, &[], ""));
    for probe in ["GET /healthz", "GET /readyz", "GET /metrics"] {
        assert_eq!(status(&ask(probe)), "200", "{probe}");
    }
    let refused = ask("POST /api/pusher/webhooks").to_lowercase();
    assert_eq!(status(&refused), "503", "{refused}");
    assert!(
        refused.contains("retry-after: 1") && refused.contains("unavailable"),
        "{refused}"
    );
    let metrics = ask("GET /metrics");
    assert!(
        metrics.contains("\nmessaging_server_connections_over_limit_total "),
        "{metrics}"
    );
    drop(taken);
    eventually("there is room again", || {
        (status(&ask("GET /demo/users")) == "200").then_some(())
    });
    let log = server.stop("TERM").log;
    for said in ["all connections are taken", "get answers for everything again"] {
        assert_eq!(log.matches(said).count(), 1, "{said}: {log}");
    }
}

/// More than the reserve has places.
#[test]
fn when_all_connections_are_taken_probes_are_answered_beside_any_number_of_silent_connections() {
    let (server, _data) = start(&[("MAX_CONNECTIONS", "1"), ("CLIENT_TIMEOUT", "60")]);
    let taken = kept(&server);
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.extend((0..100).map(|_| connect(&server)));
        let alive = answer(&server, &request("GET /healthz", &[], ""));
        assert_eq!(status(&alive), "200", "{alive}");
    }
    drop((taken, silent));
}

#[test]
fn bodies_that_come_a_byte_at_a_time_lock_nobody_out_and_are_cut_off() {
    const CONNECTIONS: usize = 300;
    let (server, _data) = start(&[
        ("MAX_CONNECTIONS", &CONNECTIONS.to_string()),
        ("CLIENT_TIMEOUT", "10"),
    ]);
    let mut held: Vec<_> = (0..CONNECTIONS)
        .map(|n| {
            let mut stream = connect(&server);
            stream.set_nodelay(true).unwrap();
            // Without a login, as anyone, and as somebody.
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
            // Whoever was cut off already cannot be written to.
            stream.write_all(b" ").ok();
        }
    }
    assert_eq!(status(&answer(&server, &request("GET /healthz", &[], ""))), "200");
    let memory = resident_mib(&server);
    assert!(memory < 150, "{memory} MiB");
    for stream in held {
        let cut_off = rest(stream);
        // A connection that was reset while it was written to may have lost its answer.
        assert!(matches!(status(&cut_off), "408" | "none"), "{cut_off}");
    }
    assert_eq!(server.anybody().get("/healthz").unwrap().status, 200);
}

#[test]
fn websocket_messages_that_come_a_byte_at_a_time_take_no_more_memory_than_their_bytes() {
    const CONNECTIONS: usize = 20;
    // What the server reads of a message, but for one byte.
    const BYTES: usize = 4 * 32 * 1024 - 1;
    let (server, _data) = start(&[]);
    let key = server.anybody().get("/demo/config").unwrap().body["key"].clone();
    let url = format!(
        "ws://{}/app/{}?protocol=7",
        server.address(),
        key.as_str().unwrap()
    );
    // Masked with zeros: a text of one byte that goes on, one more byte that does, and the end.
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
    // A ping between two parts: all before it has been read.
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

/// How much memory the server's process has, where that can be seen.
fn resident_mib(server: &Server) -> u64 {
    let Ok(told) = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())) else {
        return 0;
    };
    let line = told.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap() / 1024
}

#[test]
fn a_body_is_given_up_at_the_deadline_and_with_it_the_connection() {
    let (server, _data) = start(&[("CLIENT_TIMEOUT", "1")]);
    let json = "Content-Type: application/json";
    let named = "X-Demo-User: client-1";
    for (line, headers) in [
        ("POST /api/messages", &[json, named][..]),
        ("POST /api/pusher/webhooks", &[json]),
        ("POST /demo/bookings", &[json, named]),
    ] {
        // It announces more than it sends.
        for length in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
            let headers = headers.join("\r\n");
            let head = format!("{line} HTTP/1.1\r\nHost: here\r\n{headers}\r\n{length}\r\n\r\n");
            let answer = answer(&server, &head);
            assert_eq!(status(&answer), "408", "{line} {length}: {answer}");
        }
    }
}

#[test]
fn a_body_that_announces_too_much_is_refused_before_it_comes() {
    let (server, _data) = start(&[("CLIENT_TIMEOUT", "60")]);
    for length in ["65537", "999999999999", "18446744073709551615"] {
        let head = format!(
            "POST /api/pusher/webhooks HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\n\
             Expect: 100-continue\r\n\r\n"
        );
        let answer = answer(&server, &head);
        assert!(matches!(status(&answer), "413" | "431"), "{length}: {answer}");
    }
    for lie in [
        "Content-Length: -1",
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1, 2",
    ] {
        let head = format!("POST /api/pusher/webhooks HTTP/1.1\r\nHost: here\r\n{lie}\r\n\r\n");
        assert_eq!(status(&answer(&server, &head)), "400", "{lie}");
    }
}

#[test]
fn a_client_that_does_not_read_its_answers_is_given_up() {
    check_given_up(|_| ());
}

#[test]
fn a_client_that_reads_its_answers_a_byte_at_a_time_is_given_up() {
    check_given_up(|stream| {
        // The server may have hung up already.
        stream.read_exact(&mut [0]).ok();
    });
}

/// That the only connection is ended whose client asks for more than the buffers take, and goes on so.
fn check_given_up(mut go_on: impl FnMut(&mut TcpStream)) {
    let (server, _data) = start(&[("MAX_CONNECTIONS", "1"), ("CLIENT_TIMEOUT", "1")]);
    let mut slow = kept(&server);
    slow.set_nonblocking(true).unwrap();
    let requests = "GET /demo/tours HTTP/1.1\r\nHost: here\r\n\r\n".repeat(1000);
    let blocked = eventually("the server does not go on", || {
        let written = slow.write_all(requests.as_bytes());
        written.err().map(|error| error.kind())
    });
    assert_eq!(blocked, ErrorKind::WouldBlock);
    let ask = || answer(&server, &request("GET /demo/users", &[], ""));
    eventually("there is room again", || {
        go_on(&mut slow);
        (status(&ask()) == "200").then_some(())
    });
}

#[test]
fn another_site_does_nothing_with_somebodys_cookie() {
    let (server, _data) = start(&[]);
    let open = |headers: &[&str]| {
        let headers = [&["Content-Type: application/json"], headers].concat();
        answer(
            &server,
            &request(
                "POST /api/messages/conversations",
                &headers,
                r#"{"agentId": "agency-1"}"#,
            ),
        )
    };
    let cookie = "Cookie: demo_user=client-1";
    for elsewhere in [
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Origin: http://evil.example",
        "Origin: null",
    ] {
        let refused = open(&[cookie, elsewhere]);
        assert!(
            status(&refused) == "403" && refused.contains("cross_site"),
            "{elsewhere}: {refused}"
        );
    }
    assert_eq!(status(&open(&[cookie, "Sec-Fetch-Site: same-origin"])), "201");
    for here in ["Sec-Fetch-Site: none", "Origin: http://here", "Accept: */*"] {
        assert_eq!(status(&open(&[cookie, here])), "200", "{here}");
    }
    let named = open(&["X-Demo-User: client-1", "Origin: http://evil.example"]);
    assert_eq!(status(&named), "200", "no other site may set that header");
    // With both, the browser sent the cookie along.
    let both = open(&[cookie, "X-Demo-User: client-1", "Origin: http://evil.example"]);
    assert_eq!(status(&both), "403");
}

#[test]
fn no_method_of_the_api_is_open_to_another_sites_use_of_a_cookie() {
    let (server, _data) = start(&[]);
    let document = server.anybody().get("/api/messages/openapi.json").unwrap().body;
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        if path == "/pusher/webhooks" || path == "/messages/openapi.json" {
            continue;
        }
        let path = path.replace("{id}", "0190163d-8694-739b-aea5-966c26f8ad91");
        let methods = operations
            .as_object()
            .unwrap()
            .keys()
            .map(|name| name.to_uppercase());
        for method in
            methods.filter(|name| ["GET", "PUT", "POST", "PATCH", "DELETE"].contains(&name.as_str()))
        {
            // A route for GET answers HEAD too.
            let also = (method == "GET").then(|| "HEAD".to_owned());
            for method in [Some(method), also].into_iter().flatten() {
                let line = format!("{method} /api{path}");
                for site in ["cross-site", "same-site"] {
                    let site = format!("Sec-Fetch-Site: {site}");
                    let cookie = "Cookie: demo_user=admin-1";
                    let refused = answer(&server, &request(&line, &[cookie, &site], ""));
                    assert_eq!(status(&refused), "403", "{line} {site}: {refused}");
                    assert!(
                        method == "HEAD" || refused.contains("cross_site"),
                        "{line} {site}: {refused}"
                    );
                    let named = ["X-Demo-User: admin-1", &site];
                    let named = answer(&server, &request(&line, &named, ""));
                    assert!(!named.contains("cross_site"), "{line} {site}: {named}");
                }
                let own = ["Cookie: demo_user=admin-1", "Sec-Fetch-Site: same-origin"];
                let own = answer(&server, &request(&line, &own, ""));
                assert!(!own.contains("cross_site"), "{line}: {own}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn another_site_neither_marks_as_read_nor_looks_in_an_admins_name() {
    let (server, _data) = start(&[]);
    let [client, agent, admin] = ["client-1", "agent-1", "admin-1"].map(|user| server.caller(user));
    let opened = client
        .post("/api/messages/conversations", &json!({"agentId": "agency-1"}))
        .unwrap();
    let id = opened.body["data"]["id"].as_str().unwrap().to_owned();
    let sent = agent.post(
        "/api/messages",
        &json!({"conversationId": id, "content": "Hello"}),
    );
    assert_eq!(sent.unwrap().status, 201);
    let history = format!("GET /api/messages?conversationId={id}");
    let elsewhere = "Sec-Fetch-Site: cross-site";
    for who in ["client-1", "admin-1"] {
        let cookie = format!("Cookie: demo_user={who}");
        for headers in [
            &[&cookie, elsewhere][..],
            &[&cookie, elsewhere, "Origin: http://evil.example"],
        ] {
            let refused = answer(&server, &request(&history, headers, ""));
            assert!(
                status(&refused) == "403" && refused.contains("cross_site"),
                "{refused}"
            );
        }
    }
    let unread = client.get("/api/messages/unread").unwrap();
    assert_eq!(unread.body["data"]["unreadCount"], 1);
    let audit = admin.get("/api/messages/admin/audit").unwrap();
    let looks = audit.body["data"].as_array().unwrap();
    let of_history = |look: &&serde_json::Value| look["conversationId"] == id.as_str();
    assert_eq!(looks.iter().filter(of_history).count(), 0, "{looks:?}");
}

#[test]
fn the_public_origin_is_this_sites_own() {
    let (server, _data) = start(&[("PUBLIC_URL", "https://tours.example/")]);
    let cookie = "Cookie: demo_user=client-1";
    for (origin, expected) in [("https://tours.example", "200"), ("https://evil.example", "403")] {
        let origin = format!("Origin: {origin}");
        let headers = [cookie, "Sec-Fetch-Site: same-site", &origin];
        let read = answer(&server, &request("GET /api/messages/unread", &headers, ""));
        assert_eq!(status(&read), expected, "{origin}");
    }
}

#[test]
fn no_other_origin_is_allowed_anything() {
    let (server, _data) = start(&[]);
    let ask = [
        "Origin: http://evil.example",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: x-demo-user",
    ];
    for line in [
        "OPTIONS /api/messages",
        "GET /api/messages/unread",
        "GET /demo/users",
        "OPTIONS /demo/bookings",
    ] {
        let answer = answer(&server, &request(line, &ask, "")).to_lowercase();
        assert!(!answer.contains("access-control-allow"), "{line}: {answer}");
    }
}

#[test]
fn every_answer_has_what_protects_browsers() {
    let (server, _data) = start(&[]);
    for (line, is_kept) in [
        ("GET /", true),
        ("GET /as/client-1/inbox", true),
        ("GET /icon.svg", true),
        ("GET /api/messages/unread", false),
        ("GET /api/nothing", false),
        ("GET /nothing", false),
        ("GET /demo/config", false),
        ("GET /demo/mail", false),
        ("GET /metrics", false),
        ("POST /api/pusher/webhooks", false),
    ] {
        let answer = answer(&server, &request(line, &["X-Demo-User: client-1"], "")).to_lowercase();
        let (head, _) = answer.split_once("\r\n\r\n").unwrap();
        for expected in [
            "content-security-policy: default-src 'none'",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cross-origin-opener-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(expected), "{line}: {expected}: {head}");
        }
        assert_eq!(
            head.contains("cache-control: no-store"),
            !is_kept,
            "{line}: {head}"
        );
    }
}
