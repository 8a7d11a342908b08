//! Messages of the WebSocket that come in many small parts.

use std::time::Duration;

use messaging_pusher::EmbeddedOptions;

use crate::support::{
    client::{Client, Heard},
    embedded::House,
};

const TEXT: u8 = 0x1;
const CONTINUATION: u8 = 0x0;
const FINAL: u8 = 0x80;

/// A frame of at most 125 bytes, masked with zeros: its payload stands in it as it is.
fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length <= 125);
    [&[head, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// A text whose every byte comes in a frame of its own, and that does not end.
fn parts(text: &str) -> Vec<u8> {
    let heads = [TEXT].into_iter().chain(std::iter::repeat(CONTINUATION));
    let parts = heads.zip(text.bytes());
    parts.flat_map(|(head, byte)| frame(head, &[byte])).collect()
}

#[tokio::test]
async fn a_message_that_comes_byte_by_byte_is_taken() {
    let mut client = House::open().await.client().await;
    let name = "ü".repeat(200);
    let ping = format!(r#"{{"event":"pusher:ping","data":{{"name":"{name}"}}}}"#);
    client.say_raw(&parts(&ping)).await;
    client.say_raw(&frame(FINAL | CONTINUATION, b"")).await;
    client.hear("pusher:pong").await;
    client.settle().await;
}

#[tokio::test]
async fn the_parts_of_a_message_together_may_be_no_larger_than_a_message() {
    let options = EmbeddedOptions::default().with_max_message_bytes(4 * 1024);
    let house = House::open_with(options).await;
    let mut other = house.client().await;
    let mut client = house.client().await;
    // Four times the limit is read, and answered; one byte more is not.
    let accepted = 4 * 4 * 1024;
    client.say_raw(&parts(&"x".repeat(accepted))).await;
    client.say_raw(&frame(FINAL | CONTINUATION, b"")).await;
    assert_eq!(
        client.hear("pusher:error").await["data"]["code"],
        serde_json::Value::Null
    );
    client.say_raw(&parts(&"x".repeat(accepted + 1))).await;
    check_unreadable(&house, client).await;
    other.settle().await;
}

async fn check_unreadable(house: &House, mut client: Client) {
    assert_eq!(client.hear("pusher:error").await["data"]["code"], 4101);
    assert_eq!(client.next().await, Heard::End(Some(4101)));
    house.until(|channels| channels.connection_count() == 1).await;
}

/// Parts are no messages: a connection that sends nothing else is silent.
#[tokio::test]
async fn a_message_of_empty_parts_without_an_end_does_not_keep_its_connection() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.say_raw(&frame(TEXT, b"")).await;
    let parts = frame(CONTINUATION, b"").repeat(10_000);
    for _ in 0..3 {
        client.say_raw(&parts).await;
    }
    house.clock.advance(Duration::from_mins(2));
    client.hear("pusher:ping").await;
    client.say_raw(&parts).await;
    house.clock.advance(Duration::from_secs(30));
    assert_eq!(client.hear("pusher:error").await["data"]["code"], 4201);
    assert_eq!(client.next().await, Heard::End(Some(4201)));
    house.until(|channels| channels.connection_count() == 0).await;
}
