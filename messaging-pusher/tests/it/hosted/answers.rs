//! What becomes of each way in which a call can end.

use std::time::Duration;

use messaging_core::transport::realtime::{
    PublishErrorKind::{self, Busy, Down, Misconfigured, Refused},
    Realtime as _,
};
use messaging_pusher::{PusherOptions, Tls};
use tokio::net::TcpListener;

use crate::support::{
    fault_server::{Reply, status},
    hosted::{House, at, event, kind},
};

/// What a call comes to that is answered like that; and then the next is accepted all the same.
async fn check(reply: Reply, expected: PublishErrorKind) {
    let house = House::open().await;
    let shown = format!("{reply:?}");
    house.server.answer_next([reply]);
    let outcome = house.pusher.publish(&[event("{}")]).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), expected, "{shown}: {error:?}");
    let told = format!("{error:?} {error}");
    assert!(
        !told.contains("auth_signature") && !told.contains(crate::support::hosted::SECRET),
        "{told}"
    );
    assert!(told.len() < 1_000, "{told}");
    assert_eq!(kind(house.pusher.publish(&[event("{}")]).await), None, "{shown}");
}

#[tokio::test]
async fn what_is_said_of_an_event_is_held_against_it() {
    for code in [400, 413] {
        check(status(code), Refused).await;
    }
}

#[tokio::test]
async fn what_is_said_of_the_app_is_not() {
    for code in [401, 403, 404] {
        check(status(code), Misconfigured).await;
    }
}

#[tokio::test]
async fn patience_is_had_for_as_long_as_is_asked_for() {
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
async fn every_other_status_is_a_failure_of_the_server() {
    for code in [201, 204, 301, 302, 402, 405, 408, 418, 422, 500, 502, 503, 504] {
        check(Reply::Status(code, "location: /\r\n", String::new()), Down).await;
    }
}

#[tokio::test]
async fn so_is_what_is_not_an_answer_of_the_api() {
    for garbage in [
        "",
        "<html>Sign in to the network</html>",
        "[]",
        "\"ok\"",
        "{",
        "null",
    ] {
        check(Reply::Status(200, "", garbage.to_owned()), Down).await;
    }
    for garbage in [
        &b"SSH-2.0-OpenSSH\r\n"[..],
        b"\0\x01\x02\xff",
        b"HTTP/9.9 what\r\n\r\n",
    ] {
        check(Reply::Bytes(garbage), Down).await;
    }
    check(Reply::Status(500, "", "x".repeat(1_000_000)), Down).await;
    check(Reply::Endless, Down).await;
}

#[tokio::test]
async fn so_is_a_connection_that_breaks() {
    check(Reply::HangUp, Down).await;
    for half in [
        &b"HTTP/1.1 200 OK\r\n"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{",
    ] {
        check(Reply::Bytes(half), Down).await;
    }
}

#[tokio::test]
async fn a_kept_connection_that_broke_meanwhile_is_made_again() {
    let house = House::open().await;
    house
        .server
        .answer_next([Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")]);
    for _ in 0..3 {
        assert_eq!(kind(house.pusher.publish(&[event("{}")]).await), None);
    }
    assert_eq!(house.server.connections(), 2);
}

#[tokio::test]
async fn nobody_who_listens_is_a_failure_of_the_server() {
    let house = House::open().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let pusher = at(address, Tls::Off, PusherOptions::default(), &house.clock);
    assert_eq!(kind(pusher.publish(&[event("{}")]).await), Some(Down));
}

#[tokio::test]
async fn an_answer_is_waited_for_5_seconds() {
    let house = House::open().await;
    house.server.answer_next([Reply::Silence]);
    let call = tokio::spawn({
        let pusher = house.pusher.clone();
        async move { kind(pusher.publish(&[event("{}")]).await) }
    });
    house.server.wait_for_call(1).await;
    house.clock.advance(Duration::from_millis(4_999));
    tokio::task::yield_now().await;
    assert!(!call.is_finished());
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(call.await.unwrap(), Some(Down));
}
