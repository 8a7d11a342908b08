//! Clients that send too much or do not read.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use axum::extract::ws::Message;
use futures_util::{
    Sink, StreamExt,
    future::{Either, select},
    stream,
};

use super::*;
use crate::embedded::{
    close::Close,
    frame::Frame,
    send_queue::SendQueue,
    socket::{read_messages, write_frames},
};

/// Checks the number of answers to a flood: at once, and a tenth of a second later.
async fn check_flood(options: EmbeddedOptions, messages: Vec<Message>, answered: [usize; 2]) {
    let server = TestServer::with(options.clone());
    let TestClient {
        session,
        registration,
        ..
    } = server.client();
    let unread = stream::iter(messages.into_iter().map(Ok)).chain(stream::pending());
    let reading = pin!(read_messages(unread, session, &options, &server.clock));
    let count = || std::iter::from_fn(|| registration.queue.try_next()).count();
    let counting = pin!(async {
        tokio::task::yield_now().await;
        let at_first = count();
        server.clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
        assert_eq!([at_first, count()], answered);
    });
    assert!(matches!(select(reading, counting).await, Either::Right(_)));
}

#[tokio::test]
async fn a_flood_is_read_at_the_message_rate() {
    let ping = Message::text(r#"{"event":"pusher:ping"}"#);
    let flood = vec![ping; 1_000];
    check_flood(EmbeddedOptions::default(), flood.clone(), [200, 10]).await;
    let options = EmbeddedOptions::default().with_messages_per_second(30, 5);
    check_flood(options, flood, [5, 3]).await;
}

#[tokio::test]
async fn empty_and_binary_messages_count_towards_the_message_rate() {
    let mut flood = vec![Message::Ping(axum::body::Bytes::new()); 150];
    flood.extend(vec![Message::binary(vec![0]); 150]);
    check_flood(EmbeddedOptions::default(), flood, [50, 10]).await;
}

#[tokio::test]
async fn a_flood_of_subscriptions_reaches_other_members_at_the_message_rate() {
    let server = TestServer::new();
    let bob = server.client().subscribed_to(PRESENCE, "bob");
    let ann = server.client();
    let auth = server.sign(&ann, PRESENCE, "ann");
    let data = json!({ "channel": PRESENCE, "auth": auth.auth, "channel_data": auth.channel_data });
    let pair = ["pusher:subscribe", "pusher:unsubscribe"]
        .map(|event| Message::text(json!({ "event": event, "data": data }).to_string()));
    let flood = std::iter::repeat_n(pair, 10_000).flatten().map(Ok);
    let flood = stream::iter(flood).chain(stream::pending());
    let options = EmbeddedOptions::default();
    let reading = pin!(read_messages(flood, ann.session, &options, &server.clock));
    let once = pin!(tokio::task::yield_now());
    select(reading, once).await;
    assert_eq!(bob.received().len(), 200);
}

/// A socket that never accepts a write.
struct Stalled;

impl Sink<Message> for Stalled {
    type Error = Infallible;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn start_send(self: Pin<&mut Self>, _: Message) -> Result<(), Infallible> {
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }
}

async fn check_stall(queue: &SendQueue) {
    let clock = ManualClock::new();
    let timeout = Duration::from_secs(30);
    let writing = pin!(write_frames(Stalled, queue, timeout, &clock));
    let advancing = pin!(async {
        clock.advance(Duration::from_secs(29));
        tokio::task::yield_now().await;
        assert!(!queue.is_closed());
        clock.advance(Duration::from_secs(1));
        queue.closed().await;
    });
    assert!(matches!(select(writing, advancing).await, Either::Right(_)));
    assert_eq!(queue.close_reason(), Some(Close::TooSlow));
}

#[tokio::test]
async fn a_stalled_write_closes_the_connection() {
    let queue = SendQueue::new(10, 1_000);
    check_stall(&queue).await;
    let queue = SendQueue::new(10, 1_000);
    queue.push(Frame::ping());
    check_stall(&queue).await;
}
