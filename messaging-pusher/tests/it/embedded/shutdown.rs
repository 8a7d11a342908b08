//! Shutting down the server.

use crate::support::{
    client::{Client, Received},
    embedded::{Fixture, PRIVATE},
};

#[tokio::test]
async fn shutdown_asks_clients_to_reconnect_and_refuses_new_ones() {
    let fixture = Fixture::open().await;
    let mut clients = [fixture.client().await, fixture.subscriber(PRIVATE, "ann").await];
    let shutdown = tokio::spawn({
        let channels = fixture.channels.clone();
        async move { channels.shutdown().await }
    });
    for client in &mut clients {
        assert_eq!(client.receive("pusher:error").await["data"]["code"], 4200);
        assert_eq!(client.next().await, Received::End(Some(4200)));
        client.receive_until_closed().await;
    }
    shutdown.await.unwrap();
    assert_eq!(fixture.channels.connection_count(), 0);

    let mut late = Client::connect(fixture.address, "/app/local?protocol=7").await;
    assert_eq!(late.receive_until_closed().await.1, Some(4100));
}

#[tokio::test]
async fn a_server_without_connections_shuts_down_immediately() {
    Fixture::open().await.channels.shutdown().await;
}
