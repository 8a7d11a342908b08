//! Fragmented WebSocket messages.

use std::time::Duration;

use messaging_pusher::EmbeddedOptions;

use crate::support::{
    client::{Client, Received},
    embedded::Fixture,
};

const TEXT: u8 = 0x1;
const CONTINUATION: u8 = 0x0;
const FINAL: u8 = 0x80;

/// A frame with a payload of at most 125 bytes. The mask is zero, so the payload is unchanged.
fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length <= 125);
    [&[head, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// An unfinished text message with one frame for each byte.
fn parts(text: &str) -> Vec<u8> {
    let heads = [TEXT].into_iter().chain(std::iter::repeat(CONTINUATION));
    let parts = heads.zip(text.bytes());
    parts.flat_map(|(head, byte)| frame(head, &[byte])).collect()
}

#[tokio::test]
async fn a_message_fragmented_into_single_bytes_is_accepted() {
    let mut client = Fixture::open().await.client().await;
    let name = "ü".repeat(200);
    let ping = format!(r#"{{"event":"pusher:ping","data":{{"name":"{name}"}}}}"#);
    client.send_raw(&parts(&ping)).await;
    client.send_raw(&frame(FINAL | CONTINUATION, b"")).await;
    client.receive("pusher:pong").await;
    client.ping_pong().await;
}

#[tokio::test]
async fn the_size_limit_applies_to_all_fragments_of_a_message_together() {
    let options = EmbeddedOptions::default().with_max_message_bytes(4 * 1024);
    let fixture = Fixture::open_with(options).await;
    let mut other = fixture.client().await;
    let mut client = fixture.client().await;
    // Up to four times the limit is read and answered.
    let accepted = 4 * 4 * 1024;
    client.send_raw(&parts(&"x".repeat(accepted))).await;
    client.send_raw(&frame(FINAL | CONTINUATION, b"")).await;
    assert_eq!(
        client.receive("pusher:error").await["data"]["code"],
        serde_json::Value::Null
    );
    client.send_raw(&parts(&"x".repeat(accepted + 1))).await;
    check_unreadable(&fixture, client).await;
    other.ping_pong().await;
}

async fn check_unreadable(fixture: &Fixture, mut client: Client) {
    assert_eq!(client.receive("pusher:error").await["data"]["code"], 4101);
    assert_eq!(client.next().await, Received::End(Some(4101)));
    fixture.until(|channels| channels.connection_count() == 1).await;
}

/// A fragment is not a message: a connection that sends only fragments is silent.
#[tokio::test]
async fn an_endless_fragmented_message_does_not_keep_its_connection_alive() {
    let fixture = Fixture::open().await;
    let mut client = fixture.client().await;
    client.send_raw(&frame(TEXT, b"")).await;
    let parts = frame(CONTINUATION, b"").repeat(10_000);
    for _ in 0..3 {
        client.send_raw(&parts).await;
    }
    fixture.clock.advance(Duration::from_mins(2));
    client.receive("pusher:ping").await;
    client.send_raw(&parts).await;
    fixture.clock.advance(Duration::from_secs(30));
    assert_eq!(client.receive("pusher:error").await["data"]["code"], 4201);
    assert_eq!(client.next().await, Received::End(Some(4201)));
    fixture.until(|channels| channels.connection_count() == 0).await;
}
