//! The end of the server.

use crate::support::{
    client::{Client, Heard},
    embedded::{House, PRIVATE},
};

#[tokio::test]
async fn everyone_is_told_to_reconnect_and_nobody_comes_in() {
    let house = House::open().await;
    let mut clients = [house.client().await, house.subscriber(PRIVATE, "ann").await];
    let shutdown = tokio::spawn({
        let channels = house.channels.clone();
        async move { channels.shutdown().await }
    });
    for client in &mut clients {
        assert_eq!(client.hear("pusher:error").await["data"]["code"], 4200);
        assert_eq!(client.next().await, Heard::End(Some(4200)));
        client.hear_out().await;
    }
    shutdown.await.unwrap();
    assert_eq!(house.channels.connection_count(), 0);

    let mut late = Client::connect(house.address, "/app/local?protocol=7").await;
    assert_eq!(late.hear_out().await.1, Some(4100));
}

#[tokio::test]
async fn an_empty_server_shuts_down_at_once() {
    House::open().await.channels.shutdown().await;
}
