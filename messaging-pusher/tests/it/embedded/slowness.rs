//! Connections that do not read.

use std::time::Duration;

use messaging_core::{event::Event, transport::realtime::Realtime};
use messaging_pusher::EmbeddedOptions;

use crate::support::{
    client::Client,
    embedded::{House, PRIVATE, event},
};

async fn house() -> House {
    House::open_with(
        EmbeddedOptions::default()
            .with_queue_messages(16)
            .with_queue_bytes(256 * 1024),
    )
    .await
}

/// Publishes until the one that does not read has been given up; the other reads all along.
async fn publish_until_given_up(house: &House, reader: &mut Client) {
    let data = format!("\"{}\"", "x".repeat(10_000));
    for _ in 0..10_000 {
        house.channels.publish(&[event(PRIVATE, &data)]).await.unwrap();
        reader.hear("new-message").await;
        if house.channels.connection_count() == 1 {
            return;
        }
    }
    panic!("the connection that does not read was kept");
}

#[tokio::test]
async fn who_reads_too_slowly_is_closed_and_nobody_waits_for_it() {
    let house = house().await;
    let mut slow = house.narrow_subscriber(PRIVATE, "slow").await;
    let mut quick = house.subscriber(PRIVATE, "quick").await;
    publish_until_given_up(&house, &mut quick).await;
    // Had it begun to read again in time, it would have been told.
    assert_eq!(slow.hear_out().await, ("pusher:error".into(), Some(4200)));
    quick.settle().await;
}

#[tokio::test]
async fn who_never_reads_does_not_hold_up_a_shutdown() {
    let house = house().await;
    let slow = house.narrow_subscriber(PRIVATE, "slow").await;
    let mut quick = house.subscriber(PRIVATE, "quick").await;
    publish_until_given_up(&house, &mut quick).await;
    let shutdown = tokio::spawn({
        let channels = house.channels.clone();
        async move { channels.shutdown().await }
    });
    assert_eq!(quick.hear_out().await.1, Some(4200));
    assert!(!shutdown.is_finished());
    house.clock.advance(Duration::from_secs(5));
    shutdown.await.unwrap();
    drop(slow);
}

#[tokio::test]
async fn who_takes_nothing_for_the_pong_timeout_is_closed_before_its_queue_is_full() {
    // Silence would not end it.
    let options = EmbeddedOptions::default()
        .with_queue_messages(10_000)
        .with_queue_bytes(1024 * 1024 * 1024)
        .with_activity_timeout(Duration::from_hours(1_000));
    let house = House::open_with(options).await;
    let _slow = house.narrow_subscriber(PRIVATE, "slow").await;
    let data = format!("\"{}\"", "x".repeat(10_000));
    for _ in 0..2_000 {
        house.channels.publish(&[event(PRIVATE, &data)]).await.unwrap();
    }
    for _ in 0..1_000 {
        if house.channels.connection_count() == 0 {
            return;
        }
        house.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    panic!("the connection that takes nothing was kept");
}

/// Publishes batches while a client reads them.
async fn check_burst(batches: usize, batch: &[Event]) {
    let house = House::open().await;
    let mut reader = house.subscriber(PRIVATE, "quick").await;
    let publishing = async {
        for _ in 0..batches {
            house.channels.publish(batch).await.unwrap();
        }
    };
    let reading = async {
        for _ in 0..batches * batch.len() {
            reader.hear("new-message").await;
        }
    };
    tokio::join!(publishing, reading);
    reader.settle().await;
}

#[tokio::test]
async fn thousands_of_events_one_after_another_do_not_close_who_reads() {
    check_burst(10_000, &[event(PRIVATE, r#"{"n":1}"#)]).await;
}

#[tokio::test]
async fn thousands_of_events_in_full_batches_do_not_close_who_reads() {
    check_burst(100, &vec![event(PRIVATE, r#"{"n":1}"#); 100]).await;
}

#[tokio::test]
async fn a_batch_larger_than_the_queue_does_not_close_who_reads() {
    let data = format!("\"{}\"", "x".repeat(4_000));
    check_burst(1, &vec![event(PRIVATE, &data); 100]).await;
}
