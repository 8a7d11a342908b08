//! Coming in, and being sent away.

use messaging_pusher::EmbeddedOptions;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::{
    client::{Client, Heard},
    embedded::House,
};

async fn check_sent_away(house: &House, path: &str, code: u16) {
    let mut client = Client::connect(house.address, path).await;
    let error = client.hear("pusher:error").await;
    assert_eq!(error["data"]["code"], code, "{path}");
    assert_eq!(client.next().await, Heard::End(Some(code)), "{path}");
}

#[tokio::test]
async fn only_our_app_and_our_protocol_are_served() {
    let house = House::open().await;
    check_sent_away(&house, "/app/other?protocol=7", 4001).await;
    check_sent_away(&house, "/app/local?protocol=3", 4007).await;
    check_sent_away(&house, "/app/local", 4008).await;
    house.client().await;
}

#[tokio::test]
async fn one_connection_too_many_is_sent_away() {
    let house = House::open_with(EmbeddedOptions::default().with_max_connections(2)).await;
    let _clients = [house.client().await, house.client().await];
    check_sent_away(&house, "/app/local?protocol=7", 4100).await;
    assert_eq!(house.channels.connection_count(), 2);
}

#[tokio::test]
async fn pings_are_answered_in_both_languages() {
    let mut client = House::open().await.client().await;
    client.settle().await;
    client.say(Message::Ping(Bytes::from_static(b"x"))).await;
    assert_eq!(client.next().await, Heard::Pong);
}

#[tokio::test]
async fn garbage_is_answered_and_the_connection_goes_on() {
    let mut client = House::open().await.client().await;
    for garbage in [
        Message::text("{"),
        Message::binary(vec![0, 159, 146, 150]),
        Message::text("x".repeat(40_000)),
    ] {
        client.say(garbage).await;
        assert_eq!(client.hear("pusher:error").await["data"]["code"], json!(null));
    }
    client.settle().await;
}

#[tokio::test]
async fn a_huge_message_ends_its_connection_only() {
    let house = House::open().await;
    let mut other = house.client().await;
    let mut client = house.client().await;
    // A text of 1 MiB is announced, masked, and begins.
    client
        .say_raw(&[0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4])
        .await;
    client.say_raw(&[0; 16 * 1024]).await;
    assert_eq!(client.hear("pusher:error").await["data"]["code"], 4101);
    assert_eq!(client.next().await, Heard::End(Some(4101)));
    house.until(|channels| channels.connection_count() == 1).await;
    other.settle().await;
}

#[tokio::test]
async fn what_is_no_websocket_ends_its_connection_only() {
    let house = House::open().await;
    let mut other = house.client().await;
    let mut client = house.client().await;
    // An opcode that there is not.
    client.say_raw(&[0x83, 0x80, 1, 2, 3, 4]).await;
    client.hear_out().await;
    house.until(|channels| channels.connection_count() == 1).await;
    other.settle().await;
}

#[tokio::test]
async fn a_connection_that_breaks_does_not_linger() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.settle().await;
    client.hang_up().await;
    assert_eq!(client.next().await, Heard::End(None));
    // The time stands still: nothing waits for the close time-out.
    house.channels.shutdown().await;
}

#[tokio::test]
async fn a_request_that_is_no_websocket_is_refused() {
    let house = House::open().await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let request = "GET /app/local?protocol=7 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_goes_is_forgotten() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.say(Message::Close(None)).await;
    client.hear_out().await;
    house.until(|channels| channels.connection_count() == 0).await;
    drop(house.client().await);
    house.until(|channels| channels.connection_count() == 0).await;
}
