//! Connections that do not read.

use std::time::Duration;

use messaging_core::{event::Event, transport::realtime::Realtime};
use messaging_pusher::EmbeddedOptions;

use crate::support::{
    client::Client,
    embedded::{Fixture, PRIVATE, event},
};

async fn fixture() -> Fixture {
    Fixture::open_with(
        EmbeddedOptions::default()
            .with_queue_messages(16)
            .with_queue_bytes(256 * 1024),
    )
    .await
}

/// Publishes until the connection that does not read is closed; the other client reads all events.
async fn publish_until_closed(fixture: &Fixture, reader: &mut Client) {
    let data = format!("\"{}\"", "x".repeat(10_000));
    for _ in 0..10_000 {
        fixture.channels.publish(&[event(PRIVATE, &data)]).await.unwrap();
        reader.receive("new-message").await;
        if fixture.channels.connection_count() == 1 {
            return;
        }
    }
    panic!("the connection that does not read was not closed");
}

#[tokio::test]
async fn a_slow_reader_is_closed_without_delaying_others() {
    let fixture = fixture().await;
    let mut slow = fixture.slow_subscriber(PRIVATE, "slow").await;
    let mut quick = fixture.subscriber(PRIVATE, "quick").await;
    publish_until_closed(&fixture, &mut quick).await;
    // The client still receives the reason if it reads before the close timeout.
    assert_eq!(
        slow.receive_until_closed().await,
        ("pusher:error".into(), Some(4200))
    );
    quick.ping_pong().await;
}

#[tokio::test]
async fn a_client_that_never_reads_delays_shutdown_by_the_close_timeout_at_most() {
    let fixture = fixture().await;
    let slow = fixture.slow_subscriber(PRIVATE, "slow").await;
    let mut quick = fixture.subscriber(PRIVATE, "quick").await;
    publish_until_closed(&fixture, &mut quick).await;
    let shutdown = tokio::spawn({
        let channels = fixture.channels.clone();
        async move { channels.shutdown().await }
    });
    assert_eq!(quick.receive_until_closed().await.1, Some(4200));
    assert!(!shutdown.is_finished());
    fixture.clock.advance(Duration::from_secs(5));
    shutdown.await.unwrap();
    drop(slow);
}

#[tokio::test]
async fn a_write_blocked_for_the_pong_timeout_closes_the_connection() {
    // The activity timeout must not be the cause.
    let options = EmbeddedOptions::default()
        .with_queue_messages(10_000)
        .with_queue_bytes(1024 * 1024 * 1024)
        .with_activity_timeout(Duration::from_hours(1_000));
    let fixture = Fixture::open_with(options).await;
    let _slow = fixture.slow_subscriber(PRIVATE, "slow").await;
    let data = format!("\"{}\"", "x".repeat(10_000));
    for _ in 0..2_000 {
        fixture.channels.publish(&[event(PRIVATE, &data)]).await.unwrap();
    }
    for _ in 0..1_000 {
        if fixture.channels.connection_count() == 0 {
            return;
        }
        fixture.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    panic!("the connection with the blocked write was not closed");
}

/// Publishes batches while a client reads them.
async fn check_burst(batches: usize, batch: &[Event]) {
    let fixture = Fixture::open().await;
    let mut reader = fixture.subscriber(PRIVATE, "quick").await;
    let publishing = async {
        for _ in 0..batches {
            fixture.channels.publish(batch).await.unwrap();
        }
    };
    let reading = async {
        for _ in 0..batches * batch.len() {
            reader.receive("new-message").await;
        }
    };
    tokio::join!(publishing, reading);
    reader.ping_pong().await;
}

#[tokio::test]
async fn thousands_of_single_events_do_not_close_a_reading_client() {
    check_burst(10_000, &[event(PRIVATE, r#"{"n":1}"#)]).await;
}

#[tokio::test]
async fn thousands_of_events_in_full_batches_do_not_close_a_reading_client() {
    check_burst(100, &vec![event(PRIVATE, r#"{"n":1}"#); 100]).await;
}

#[tokio::test]
async fn a_batch_larger_than_the_queue_does_not_close_a_reading_client() {
    let data = format!("\"{}\"", "x".repeat(4_000));
    check_burst(1, &vec![event(PRIVATE, &data); 100]).await;
}
