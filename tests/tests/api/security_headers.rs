//! Security headers of all responses.

use crate::support::{answer, request, start};

#[test]
fn every_response_has_the_security_headers() {
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
