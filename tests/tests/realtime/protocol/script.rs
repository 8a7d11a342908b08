//! The frames that both servers receive.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{peer::Peer, servers::Server};

const V7: &str = "protocol=7&";
const PRIVATE: &str = "private-orders";
const PRESENCE: &str = "presence-orders";
const MEMBER: &str = r#"{"user_id":"eve"}"#;

/// A step, and the frames received after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) heard: Vec<String>,
}

pub(crate) struct Play<'a> {
    server: &'a Server,
    steps: Vec<Step>,
}

impl<'a> Play<'a> {
    /// Runs all steps.
    pub(crate) async fn on(server: &'a Server) -> Vec<Step> {
        let mut script = Self {
            server,
            steps: Vec::new(),
        };
        script.connecting().await;
        script.subscribing().await;
        script.publishing().await;
        script.presence().await;
        script.client_events().await;
        script.pings().await;
        script.nonsense().await;
        script.too_many_client_events().await;
        script.steps
    }

    fn note(&mut self, name: &'static str, heard: impl IntoIterator<Item = Vec<String>>) {
        let heard = heard.into_iter().flatten().collect();
        self.steps.push(Step { name, heard });
    }

    /// Returns the number of frames expected from this server: `ours` or `theirs`.
    fn either(&self, ours: usize, theirs: usize) -> usize {
        if self.server.is_ours { ours } else { theirs }
    }

    async fn peer(&self, name: &'static str) -> Peer {
        let mut peer = Peer::connect(name, self.server.address, &self.server.path(V7)).await;
        peer.hears(1).await;
        peer
    }

    /// Subscribes with a valid signature.
    async fn join(&self, peer: &mut Peer, channel: &str, user: &str) {
        let auth = self.server.sign(&peer.socket_id(), channel, user);
        let mut data = json!({ "channel": channel, "auth": auth.auth });
        if let Some(channel_data) = auth.channel_data {
            data["channel_data"] = channel_data.into();
        }
        peer.says_event("pusher:subscribe", data).await;
    }

    async fn joined(&self, name: &'static str, channel: &str, user: &str) -> Peer {
        let mut peer = self.peer(name).await;
        self.join(&mut peer, channel, user).await;
        peer.hears(1).await;
        peer
    }

    async fn connecting(&mut self) {
        let server = self.server;
        let mut ann = Peer::connect("ann", server.address, &server.path(V7)).await;
        let heard = ann.hears(1).await;
        self.note("connecting", [heard]);
        let path = "/app/another-key?protocol=7&client=tests&version=1";
        let heard = Peer::connect("ann", server.address, path).await.hears(2).await;
        self.note("another app's key", [heard]);
        for (name, protocol) in [("an old protocol", "protocol=1&"), ("no protocol", "")] {
            let mut ann = Peer::connect("ann", server.address, &server.path(protocol)).await;
            let heard = ann.hears(self.either(2, 1)).await;
            self.note(name, [heard]);
        }
    }

    async fn subscribing(&mut self) {
        let mut ann = self.peer("ann").await;
        ann.says_event("pusher:subscribe", json!({ "channel": "news" }))
            .await;
        let heard = ann.hears(1).await;
        self.note("a public channel", [heard]);
        self.join(&mut ann, PRIVATE, "ann").await;
        let heard = ann.hears(1).await;
        self.note("a private channel", [heard]);
        self.join(&mut ann, PRIVATE, "ann").await;
        let heard = ann.hears(1).await;
        self.note("the same channel again", [heard]);
        ann.says_event("pusher:unsubscribe", json!({ "channel": PRIVATE }))
            .await;
        let heard = ann.hears(0).await;
        self.server.publish(PRIVATE, &["unheard"], None).await;
        let unheard = ann.hears(0).await;
        self.note("unsubscribing", [heard, unheard]);

        let mut eve = self.peer("eve").await;
        let auth = self.server.sign_with_data(&eve.socket_id(), PRIVATE, MEMBER);
        let data = json!({ "channel": PRIVATE, "auth": auth, "channel_data": MEMBER });
        eve.says_event("pusher:subscribe", data).await;
        let heard = eve.hears(1).await;
        self.note("a private channel signed with member data", [heard]);

        let wrong = format!("tests-key:{}", "0".repeat(64));
        for (name, channel, auth) in [
            ("a wrong signature", PRIVATE, Some(wrong.as_str())),
            ("a signature that is none", PRIVATE, Some("tests-key:zz")),
            ("no signature", PRIVATE, None),
            ("a presence channel without a signature", PRESENCE, None),
        ] {
            let mut eve = self.peer("eve").await;
            eve.says_event("pusher:subscribe", json!({ "channel": channel, "auth": auth }))
                .await;
            let heard = eve.hears(1).await;
            self.note(name, [heard]);
        }
        let mut eve = self.peer("eve").await;
        let auth = self.server.sign(&ann.socket_id(), PRIVATE, "ann").auth;
        eve.says_event("pusher:subscribe", json!({ "channel": PRIVATE, "auth": auth }))
            .await;
        let heard = eve.hears(1).await;
        self.note("another connection's signature", [heard]);
    }

    async fn publishing(&mut self) {
        let mut ann = self.joined("ann", PRIVATE, "ann").await;
        let mut bob = self.joined("bob", PRIVATE, "bob").await;
        self.server.publish(PRIVATE, &["one"], None).await;
        let heard = [ann.hears(1).await, bob.hears(1).await];
        self.note("an event", heard);
        self.server
            .publish(PRIVATE, &["two", "three", "four"], None)
            .await;
        let heard = [ann.hears(3).await, bob.hears(3).await];
        self.note("a batch", heard);
        self.server
            .publish(PRIVATE, &["five"], Some(ann.socket_id()))
            .await;
        let heard = [bob.hears(1).await, ann.hears(0).await];
        self.note("an event not for its sender", heard);
    }

    async fn presence(&mut self) {
        let mut ann = self.peer("ann").await;
        self.join(&mut ann, PRESENCE, "ann").await;
        let heard = ann.hears(1).await;
        self.note("the first member", [heard]);
        let mut bob = self.peer("bob").await;
        self.join(&mut bob, PRESENCE, "bob").await;
        let heard = [bob.hears(1).await, ann.hears(1).await];
        self.note("another member", heard);
        let mut again = self.peer("bob's other window").await;
        self.join(&mut again, PRESENCE, "bob").await;
        let heard = [again.hears(1).await, ann.hears(0).await];
        self.note("a member who is there", heard);
        again
            .says_event("pusher:unsubscribe", json!({ "channel": PRESENCE }))
            .await;
        let heard = [again.hears(0).await, ann.hears(0).await];
        self.note("a member who is still there", heard);
        bob.says_event("pusher:unsubscribe", json!({ "channel": PRESENCE }))
            .await;
        let heard = [bob.hears(0).await, ann.hears(1).await];
        self.note("a member who leaves", heard);
        self.join(&mut again, PRESENCE, "bob").await;
        again.hears(1).await;
        ann.hears(1).await;
        drop(again);
        let heard = ann.hears(1).await;
        self.note("a member whose connection ends", [heard]);
    }

    async fn client_events(&mut self) {
        for (name, channel) in [
            ("a client event", PRIVATE),
            ("a client event of a member", PRESENCE),
        ] {
            let mut ann = self.joined("ann", channel, "ann").await;
            let mut bob = self.joined("bob", channel, "bob").await;
            ann.hears(0).await;
            let event = json!({ "event": "client-wave", "channel": channel, "data": { "hand": "left" } });
            ann.says(event.to_string()).await;
            let heard = [bob.hears(1).await, ann.hears(0).await];
            self.note(name, heard);
        }
        let mut ann = self.peer("ann").await;
        ann.says_event("pusher:subscribe", json!({ "channel": "news" }))
            .await;
        ann.hears(1).await;
        for (name, channel) in [
            ("a client event on a public channel", "news"),
            ("a client event without a subscription", PRIVATE),
        ] {
            ann.says(json!({ "event": "client-wave", "channel": channel, "data": {} }).to_string())
                .await;
            let heard = ann.hears(1).await;
            self.note(name, [heard]);
        }
    }

    async fn pings(&mut self) {
        let mut ann = self.peer("ann").await;
        ann.says_event("pusher:ping", json!({})).await;
        let heard = ann.hears(1).await;
        self.note("a ping", [heard]);
        ann.says(Message::Ping("hello".into())).await;
        let heard = ann.hears(1).await;
        self.note("a ping of the WebSocket", [heard]);
        ann.says_event("pusher:pong", json!({})).await;
        let heard = ann.hears(0).await;
        self.note("a pong", [heard]);
    }

    async fn nonsense(&mut self) {
        for (name, text, ours, theirs) in [
            ("what is not JSON", "{nonsense", 1, 1),
            ("what is not an event", "[1, 2]", 1, 1),
            ("an unknown event", r#"{"event":"hello","data":{}}"#, 1, 0),
            (
                "an unknown event of the protocol",
                r#"{"event":"pusher:hello","data":{}}"#,
                0,
                0,
            ),
        ] {
            let mut ann = self.peer("ann").await;
            ann.says(text).await;
            let heard = ann.hears(self.either(ours, theirs)).await;
            self.note(name, [heard]);
        }
    }

    async fn too_many_client_events(&mut self) {
        let mut ann = self.joined("ann", PRIVATE, "ann").await;
        let event = json!({ "event": "client-wave", "channel": PRIVATE, "data": {} }).to_string();
        for _ in 0..11 {
            ann.says(event.clone()).await;
        }
        let heard = ann.hears(self.either(1, 0)).await;
        self.note("eleven client events in a second", [heard]);
    }
}
