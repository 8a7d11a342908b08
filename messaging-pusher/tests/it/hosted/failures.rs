//! Error kinds of failed calls.

use std::time::Duration;

use messaging_core::transport::{
    TransportErrorKind::{self, Busy, Misconfigured, OutcomeUnknown, Refused, Unavailable},
    realtime::Realtime as _,
};
use messaging_pusher::{PusherOptions, Tls};
use tokio::net::TcpListener;

use crate::support::{
    fault_server::{Reply, status},
    hosted::{Fixture, at, event, kind},
};

/// Checks the error kind for a reply, and that the next call succeeds.
async fn check(reply: Reply, expected: TransportErrorKind) {
    let fixture = Fixture::open().await;
    let shown = format!("{reply:?}");
    fixture.server.reply_next([reply]);
    let outcome = fixture.pusher.publish(&[event("{}")]).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), expected, "{shown}: {error:?}");
    let text = format!("{error:?} {error}");
    assert!(
        !text.contains("auth_signature") && !text.contains(crate::support::hosted::SECRET),
        "{text}"
    );
    assert!(text.len() < 1_000, "{text}");
    assert_eq!(
        kind(fixture.pusher.publish(&[event("{}")]).await),
        None,
        "{shown}"
    );
}

#[tokio::test]
async fn statuses_about_the_event_are_refused() {
    for code in [400, 413] {
        check(status(code), Refused).await;
    }
}

#[tokio::test]
async fn statuses_about_the_app_are_misconfigured() {
    for code in [401, 403, 404] {
        check(status(code), Misconfigured).await;
    }
}

#[tokio::test]
async fn status_429_is_busy_with_the_seconds_of_retry_after() {
    let busy = |header| Reply::Status(429, header, String::new());
    let seconds = |seconds| Busy {
        retry_after: Some(Duration::from_secs(seconds)),
    };
    check(busy(""), Busy { retry_after: None }).await;
    check(busy("Retry-After: 7\r\n"), seconds(7)).await;
    check(busy("retry-after: 0\r\n"), seconds(0)).await;
    for unread in [
        "retry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\n",
        "retry-after: -1\r\n",
        "retry-after: soon\r\n",
    ] {
        check(busy(unread), Busy { retry_after: None }).await;
    }
}

#[tokio::test]
async fn after_every_other_status_the_server_is_unavailable_or_the_outcome_unknown() {
    let reply = |code| Reply::Status(code, "location: /\r\n", String::new());
    for code in [301, 302, 402, 405, 408, 418, 422] {
        check(reply(code), Unavailable).await;
    }
    for code in [201, 204, 500, 502, 503, 504] {
        check(reply(code), OutcomeUnknown).await;
    }
}

#[tokio::test]
async fn after_an_invalid_response_the_outcome_is_unknown() {
    for garbage in [
        "",
        "<html>Sign in to the network</html>",
        "[]",
        "\"ok\"",
        "{",
        "null",
    ] {
        check(Reply::Status(200, "", garbage.to_owned()), OutcomeUnknown).await;
    }
    for garbage in [
        &b"SSH-2.0-OpenSSH\r\n"[..],
        b"\0\x01\x02\xff",
        b"HTTP/9.9 what\r\n\r\n",
    ] {
        check(Reply::Bytes(garbage), OutcomeUnknown).await;
    }
    check(Reply::Status(500, "", "x".repeat(1_000_000)), OutcomeUnknown).await;
    check(Reply::EndlessBody, OutcomeUnknown).await;
}

#[tokio::test]
async fn after_a_broken_connection_the_outcome_is_unknown() {
    check(Reply::Disconnect, OutcomeUnknown).await;
    for half in [
        &b"HTTP/1.1 200 OK\r\n"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{",
    ] {
        check(Reply::Bytes(half), OutcomeUnknown).await;
    }
}

#[tokio::test]
async fn a_pooled_connection_that_broke_is_replaced() {
    let fixture = Fixture::open().await;
    fixture
        .server
        .reply_next([Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")]);
    for _ in 0..3 {
        assert_eq!(kind(fixture.pusher.publish(&[event("{}")]).await), None);
    }
    assert_eq!(fixture.server.connections(), 2);
}

#[tokio::test]
async fn a_server_that_refuses_the_connection_is_unavailable() {
    let fixture = Fixture::open().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let pusher = at(address, Tls::Off, PusherOptions::default(), &fixture.clock);
    assert_eq!(kind(pusher.publish(&[event("{}")]).await), Some(Unavailable));
}

#[tokio::test]
async fn a_call_times_out_after_5_seconds() {
    let fixture = Fixture::open().await;
    fixture.server.reply_next([Reply::NoAnswer]);
    let call = tokio::spawn({
        let pusher = fixture.pusher.clone();
        async move { kind(pusher.publish(&[event("{}")]).await) }
    });
    fixture.server.wait_for_requests(1).await;
    fixture.clock.advance(Duration::from_millis(4_999));
    tokio::task::yield_now().await;
    assert!(!call.is_finished());
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(call.await.unwrap(), Some(OutcomeUnknown));
}
