//! Channel names with a non-canonical UUID, which are other channels to Pusher.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use messaging_core::{
    event::{ChannelName, SocketId},
    transport::channels::{Channels as _, Member, Subscription},
};
use messaging_pusher::PusherRealtime;
use tracing::{Level, subscriber::with_default};

use crate::support::hosted::{Fixture, user};

const CANONICAL: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
const UPPER: &str = "0190163D-8694-739B-AEA5-966C26F8AD91";

/// Captures log output.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn capture(logging: impl FnOnce()) -> String {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::WARN)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        with_default(subscriber, logging);
        let bytes = log.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Requests a signature for the channel as the client spells it.
fn sign(pusher: &PusherRealtime, channel: &str) {
    let subscription = Subscription {
        socket_id: SocketId::parse("1.1").unwrap(),
        channel: ChannelName::parse(channel).unwrap(),
        member: Member {
            user_id: user("carl"),
            name: "Carl".to_owned(),
        },
    };
    pusher.sign(&subscription).unwrap();
}

#[tokio::test]
async fn a_non_canonical_spelling_is_logged_once_with_the_canonical_name() {
    let pusher = Fixture::open().await.pusher;
    let log = Log::capture(|| {
        for _ in 0..3 {
            sign(&pusher, &format!("private-conversation-{UPPER}"));
            sign(&pusher, &format!("presence-conversation-{UPPER}"));
        }
    });
    let lines: Vec<_> = log.lines().collect();
    let [line] = lines[..] else {
        panic!("expected one line: {log}")
    };
    for part in [
        "WARN",
        &format!("channel=private-conversation-{UPPER}"),
        &format!("canonical=private-conversation-{CANONICAL}"),
        "nothing is published",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[tokio::test]
async fn a_canonical_name_is_not_logged() {
    let pusher = Fixture::open().await.pusher;
    let log = Log::capture(|| {
        sign(&pusher, &format!("private-conversation-{CANONICAL}"));
        // A user id is not a UUID; its case is significant.
        sign(&pusher, "private-user-CARL");
        sign(&pusher, &format!("private-orders-{UPPER}"));
    });
    assert_eq!(log, "");
}
