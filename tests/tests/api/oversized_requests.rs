//! Requests that are too large.

use crate::support::{answer, request, start, status};

#[test]
fn oversized_request_heads_are_refused() {
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
    assert_eq!(server.anonymous().get("/healthz").unwrap().status, 200);
}

#[test]
fn oversized_or_deeply_nested_bodies_are_refused() {
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
fn an_oversized_content_length_is_refused_before_the_body() {
    let (server, _data) = start(&[("CLIENT_TIMEOUT", "60")]);
    for length in ["65537", "999999999999", "18446744073709551615"] {
        let head = format!(
            "POST /api/pusher/webhooks HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\n\
             Expect: 100-continue\r\n\r\n"
        );
        let answer = answer(&server, &head);
        assert!(matches!(status(&answer), "413" | "431"), "{length}: {answer}");
    }
    for claimed_length in [
        "Content-Length: -1",
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1, 2",
    ] {
        let head = format!("POST /api/pusher/webhooks HTTP/1.1\r\nHost: here\r\n{claimed_length}\r\n\r\n");
        assert_eq!(status(&answer(&server, &head)), "400", "{claimed_length}");
    }
}
