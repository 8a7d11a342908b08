//! Connections that do not read.

use std::time::Duration;

use messaging_core::port::realtime::Realtime;
use messaging_pusher::EmbeddedOptions;

use crate::{
    client::Client,
    house::{House, PRIVATE, event},
};

async fn house() -> House {
    House::open_with(EmbeddedOptions::default().with_queue(16, 256 * 1024)).await
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
    let mut slow = house.subscriber(PRIVATE, "slow").await;
    let mut quick = house.subscriber(PRIVATE, "quick").await;
    publish_until_given_up(&house, &mut quick).await;
    // Had it begun to read again in time, it would have been told.
    assert_eq!(slow.hear_out().await, ("pusher:error".into(), Some(4200)));
    quick.settle().await;
}

#[tokio::test]
async fn who_never_reads_does_not_hold_up_a_shutdown() {
    let house = house().await;
    let slow = house.subscriber(PRIVATE, "slow").await;
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
