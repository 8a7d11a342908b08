//! Opening connections.

use messaging_pusher::EmbeddedOptions;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::{
    client::{Client, Received},
    embedded::Fixture,
};

async fn check_refused(fixture: &Fixture, path: &str, code: u16) {
    let mut client = Client::connect(fixture.address, path).await;
    let error = client.receive("pusher:error").await;
    assert_eq!(error["data"]["code"], code, "{path}");
    assert_eq!(client.next().await, Received::End(Some(code)), "{path}");
}

#[tokio::test]
async fn an_unknown_app_or_protocol_version_is_refused() {
    let fixture = Fixture::open().await;
    check_refused(&fixture, "/app/other?protocol=7", 4001).await;
    check_refused(&fixture, "/app/local?protocol=3", 4007).await;
    check_refused(&fixture, "/app/local", 4008).await;
    fixture.client().await;
}

#[tokio::test]
async fn a_connection_above_the_limit_is_refused() {
    let fixture = Fixture::open_with(EmbeddedOptions::default().with_max_connections(2)).await;
    let _clients = [fixture.client().await, fixture.client().await];
    check_refused(&fixture, "/app/local?protocol=7", 4100).await;
    assert_eq!(fixture.channels.connection_count(), 2);
}

#[tokio::test]
async fn pings_of_the_protocol_and_of_the_websocket_are_answered() {
    let mut client = Fixture::open().await.client().await;
    client.ping_pong().await;
    client.send(Message::Ping(Bytes::from_static(b"x"))).await;
    assert_eq!(client.next().await, Received::Pong);
}

#[tokio::test]
async fn an_invalid_message_is_answered_and_keeps_the_connection() {
    let mut client = Fixture::open().await.client().await;
    for garbage in [
        Message::text("{"),
        Message::binary(vec![0, 159, 146, 150]),
        Message::text("x".repeat(40_000)),
    ] {
        client.send(garbage).await;
        assert_eq!(client.receive("pusher:error").await["data"]["code"], json!(null));
    }
    client.ping_pong().await;
}

#[tokio::test]
async fn an_oversized_message_closes_only_its_connection() {
    let fixture = Fixture::open().await;
    let mut other = fixture.client().await;
    let mut client = fixture.client().await;
    // The header and first bytes of a masked text of 1 MiB.
    client
        .send_raw(&[0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4])
        .await;
    client.send_raw(&[0; 16 * 1024]).await;
    assert_eq!(client.receive("pusher:error").await["data"]["code"], 4101);
    assert_eq!(client.next().await, Received::End(Some(4101)));
    fixture.until(|channels| channels.connection_count() == 1).await;
    other.ping_pong().await;
}

#[tokio::test]
async fn an_invalid_websocket_frame_closes_only_its_connection() {
    let fixture = Fixture::open().await;
    let mut other = fixture.client().await;
    let mut client = fixture.client().await;
    // An undefined opcode.
    client.send_raw(&[0x83, 0x80, 1, 2, 3, 4]).await;
    client.receive_until_closed().await;
    fixture.until(|channels| channels.connection_count() == 1).await;
    other.ping_pong().await;
}

#[tokio::test]
async fn a_broken_connection_ends_without_the_close_timeout() {
    let fixture = Fixture::open().await;
    let mut client = fixture.client().await;
    client.ping_pong().await;
    client.shut_down_write().await;
    assert_eq!(client.next().await, Received::End(None));
    // The clock does not advance, so shutdown would hang if it waited for the close timeout.
    fixture.channels.shutdown().await;
}

#[tokio::test]
async fn a_request_without_a_websocket_upgrade_is_refused() {
    let fixture = Fixture::open().await;
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    let request = "GET /app/local?protocol=7 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn a_closed_connection_is_removed() {
    let fixture = Fixture::open().await;
    let mut client = fixture.client().await;
    client.send(Message::Close(None)).await;
    client.receive_until_closed().await;
    fixture.until(|channels| channels.connection_count() == 0).await;
    drop(fixture.client().await);
    fixture.until(|channels| channels.connection_count() == 0).await;
}
