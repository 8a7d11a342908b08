//! Silent connections.

use std::time::Duration;

use messaging_pusher::EmbeddedOptions;

use crate::support::{client::Received, embedded::Fixture};

#[tokio::test]
async fn a_silent_connection_is_pinged_and_then_closed() {
    let fixture = Fixture::open().await;
    let mut client = fixture.client().await;
    client.ping_pong().await;
    fixture.clock.advance(Duration::from_secs(119));
    client.ping_pong().await;
    fixture.clock.advance(Duration::from_mins(2));
    client.receive("pusher:ping").await;
    fixture.clock.advance(Duration::from_secs(30));
    assert_eq!(client.receive("pusher:error").await["data"]["code"], 4201);
    assert_eq!(client.next().await, Received::End(Some(4201)));
    fixture.until(|channels| channels.connection_count() == 0).await;
}

#[tokio::test]
async fn a_connection_that_answers_pings_stays_open() {
    let options = EmbeddedOptions::default().with_activity_timeout(Duration::from_secs(10));
    let fixture = Fixture::open_with(options).await;
    let mut client = fixture.client().await;
    client.ping_pong().await;
    for _ in 0..3 {
        fixture.clock.advance(Duration::from_secs(10));
        client.receive("pusher:ping").await;
        client.send(r#"{"event":"pusher:pong","data":{}}"#).await;
        client.ping_pong().await;
    }
    fixture.clock.advance(Duration::from_secs(9));
    client.ping_pong().await;
}
