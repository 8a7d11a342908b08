//! What comes over the wire that no honest client sends, and what browsers are told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use messaging_tests::{Server, Settings};
use tempfile::TempDir;

/// Longer than the server waits.
const PATIENCE: Duration = Duration::from_secs(60);

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
    assert!(matches!(status(&rest(slow)), "400" | "408"));
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
fn one_connection_too_many_waits_until_another_has_ended() {
    let (server, _data) = start(&[("MAX_CONNECTIONS", "2"), ("CLIENT_TIMEOUT", "60")]);
    let [first, second] = [connect(&server), connect(&server)];
    let mut third = connect(&server);
    third
        .write_all(request("GET /healthz", &[], "").as_bytes())
        .unwrap();
    third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(third.read(&mut [0]).is_err(), "it waits");
    third.set_read_timeout(Some(PATIENCE)).unwrap();
    drop(first);
    assert_eq!(status(&rest(third)), "200");
    drop(second);
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
    let get = answer(
        &server,
        &request(
            "GET /api/messages/unread",
            &[cookie, "Sec-Fetch-Site: cross-site"],
            "",
        ),
    );
    assert_eq!(status(&get), "200", "nor may it read what this says");
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
