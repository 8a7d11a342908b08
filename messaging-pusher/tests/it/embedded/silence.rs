//! Connections that say nothing.

use std::time::Duration;

use messaging_pusher::EmbeddedOptions;

use crate::support::{client::Heard, embedded::House};

#[tokio::test]
async fn a_silent_connection_is_asked_and_then_closed() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.settle().await;
    house.clock.advance(Duration::from_secs(119));
    client.settle().await;
    house.clock.advance(Duration::from_mins(2));
    client.hear("pusher:ping").await;
    house.clock.advance(Duration::from_secs(30));
    assert_eq!(client.hear("pusher:error").await["data"]["code"], 4201);
    assert_eq!(client.next().await, Heard::End(Some(4201)));
    house.until(|channels| channels.connection_count() == 0).await;
}

#[tokio::test]
async fn a_connection_that_answers_stays() {
    let options = EmbeddedOptions::default().with_activity_timeout(Duration::from_secs(10));
    let house = House::open_with(options).await;
    let mut client = house.client().await;
    client.settle().await;
    for _ in 0..3 {
        house.clock.advance(Duration::from_secs(10));
        client.hear("pusher:ping").await;
        client.say(r#"{"event":"pusher:pong","data":{}}"#).await;
        client.settle().await;
    }
    house.clock.advance(Duration::from_secs(9));
    client.settle().await;
}
