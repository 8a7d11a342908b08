#![no_main]
//! Webhooks: those with a right signature say whatever they like.

use std::sync::LazyLock;

use hmac::{Hmac, KeyInit as _, Mac as _};
use libfuzzer_sys::fuzz_target;
use messaging_core::transport::channels::{Channels as _, Webhook};
use messaging_pusher::{PusherConfig, PusherOptions, PusherRealtime};
use sha2::Sha256;

static REALTIME: LazyLock<PusherRealtime> = LazyLock::new(|| {
    let config = PusherConfig::from_lookup(|name| {
        let value = match name {
            "PUSHER_APP_ID" => "1",
            "PUSHER_KEY" => "key",
            "PUSHER_SECRET" => "secret",
            "PUSHER_HOST" => "localhost",
            _ => return None,
        };
        Some(value.to_owned())
    });
    PusherRealtime::new(config.expect("it is complete"), PusherOptions::default()).expect("it can be made")
});

fuzz_target!(|input: (&[u8], Option<&str>)| {
    let (body, claimed) = input;
    let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").expect("any key will do");
    mac.update(body);
    let right = hex::encode(mac.finalize().into_bytes());
    let signature = claimed.unwrap_or(&right);
    let webhook = Webhook::new([("X-Pusher-Key", "key"), ("X-Pusher-Signature", signature)], body);
    let taken = REALTIME.receive_webhook(&webhook);
    assert!(taken.is_err() || signature.eq_ignore_ascii_case(&right));
});
