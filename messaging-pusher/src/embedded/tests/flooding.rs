//! Clients that say too much, and clients that do not take what they are sent.

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
    socket::{listen, speak},
};

/// How many answers a page gets that says so much at once: at first, and a tenth of a second later.
async fn check_flood(options: EmbeddedOptions, messages: Vec<Message>, answered: [usize; 2]) {
    let world = World::with(options.clone());
    let Page {
        session, membership, ..
    } = world.page();
    let unread = stream::iter(messages.into_iter().map(Ok)).chain(stream::pending());
    let listening = pin!(listen(unread, session, &options, &world.clock));
    let count = || std::iter::from_fn(|| membership.queue.try_next()).count();
    let counting = pin!(async {
        tokio::task::yield_now().await;
        let at_first = count();
        world.clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
        assert_eq!([at_first, count()], answered);
    });
    assert!(matches!(select(listening, counting).await, Either::Right(_)));
}

#[tokio::test]
async fn a_flood_is_read_no_faster_than_the_budget_allows() {
    let ping = Message::text(r#"{"event":"pusher:ping"}"#);
    let flood = vec![ping; 1_000];
    check_flood(EmbeddedOptions::default(), flood.clone(), [200, 10]).await;
    let options = EmbeddedOptions::default().with_messages_per_second(30, 5);
    check_flood(options, flood, [5, 3]).await;
}

#[tokio::test]
async fn messages_that_say_nothing_cost_as_much() {
    let mut flood = vec![Message::Ping(axum::body::Bytes::new()); 150];
    flood.extend(vec![Message::binary(vec![0]); 150]);
    check_flood(EmbeddedOptions::default(), flood, [50, 10]).await;
}

#[tokio::test]
async fn a_flood_of_subscriptions_does_not_drown_the_other_members() {
    let world = World::new();
    let bob = world.page().now_in(PRESENCE, "bob");
    let ann = world.page();
    let auth = world.signs(&ann, PRESENCE, "ann");
    let data = json!({ "channel": PRESENCE, "auth": auth.auth, "channel_data": auth.channel_data });
    let turn = ["pusher:subscribe", "pusher:unsubscribe"]
        .map(|event| Message::text(json!({ "event": event, "data": data }).to_string()));
    let flood = std::iter::repeat_n(turn, 10_000).flatten().map(Ok);
    let flood = stream::iter(flood).chain(stream::pending());
    let options = EmbeddedOptions::default();
    let listening = pin!(listen(flood, ann.session, &options, &world.clock));
    let once = pin!(tokio::task::yield_now());
    select(listening, once).await;
    assert_eq!(bob.hears().len(), 200);
}

/// A socket that takes nothing.
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
    let patience = Duration::from_secs(30);
    let speaking = pin!(speak(Stalled, queue, patience, &clock));
    let waiting = pin!(async {
        clock.advance(Duration::from_secs(29));
        tokio::task::yield_now().await;
        assert!(!queue.is_closed());
        clock.advance(Duration::from_secs(1));
        queue.closed().await;
    });
    assert!(matches!(select(speaking, waiting).await, Either::Right(_)));
    assert_eq!(queue.close_reason(), Some(Close::TooSlow));
}

#[tokio::test]
async fn a_write_that_stalls_ends_the_connection_whatever_it_says() {
    let queue = SendQueue::new(10, 1_000);
    check_stall(&queue).await;
    let queue = SendQueue::new(10, 1_000);
    queue.push(Frame::ping());
    check_stall(&queue).await;
}
