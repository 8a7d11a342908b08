//! The protocol without sockets: sessions as values, received frames as JSON.

mod client_events;
mod concurrency;
mod connecting;
mod flooding;
mod presence;
mod properties;
mod publishing;
mod revoking;
mod spelling;

mod subscribing;

use std::sync::Arc;

use messaging_core::{
    clock::{Clock, ManualClock, SequentialIds},
    event::{ChannelName, Event, SocketId},
    id::UserId,
    transport::channels::{ChannelAuth, Channels, Member, Subscription, UserAuth},
};
use serde_json::{Value, json};

use super::{
    ClientEvents, EmbeddedChannels, EmbeddedOptions, PublicChannels,
    send_queue::Outgoing,
    session::{Registration, Session},
};
use crate::credentials::{AppKey, AppSecret, Credentials};

/// Channels of a conversation.
const PRIVATE: &str = "private-conversation-00000000-0000-0000-0000-000000000001";
const PRESENCE: &str = "presence-conversation-00000000-0000-0000-0000-000000000001";

#[derive(Clone)]
struct TestServer {
    channels: EmbeddedChannels,
    clock: ManualClock,
}

/// A client with its connection.
struct TestClient {
    session: Session,
    registration: Arc<Registration>,
    server: TestServer,
}

impl TestServer {
    fn new() -> Self {
        Self::with(EmbeddedOptions::default())
    }

    /// With client events and public channels enabled everywhere.
    fn permissive() -> Self {
        Self::with(permissive())
    }

    fn with(options: EmbeddedOptions) -> Self {
        let credentials = Credentials {
            key: AppKey::parse("local").unwrap(),
            secret: AppSecret::parse("secret").unwrap(),
        };
        let clock = ManualClock::new();
        Self {
            channels: EmbeddedChannels::new(&credentials, options)
                .with_clock(clock.clone(), SequentialIds::default()),
            clock,
        }
    }

    /// A client whose connection is established.
    fn client(&self) -> TestClient {
        let client = self.connect();
        assert_eq!(client.received()[0]["event"], "pusher:connection_established");
        client
    }

    /// A client that has just connected.
    fn connect(&self) -> TestClient {
        let server = self.channels.server.clone();
        let session = Session::open(server, self.channels.new_socket_id(), Ok(()));
        TestClient {
            registration: session.registration(),
            session,
            server: self.clone(),
        }
    }

    /// A signature from this server, as the authorisation endpoint returns it.
    fn sign(&self, client: &TestClient, channel: &str, user_id: &str) -> ChannelAuth {
        let subscription = Subscription {
            socket_id: client.socket_id(),
            channel: name(channel),
            member: Member {
                user_id: user(user_id),
                name: user_id.to_uppercase(),
            },
        };
        self.channels.sign(&subscription).unwrap()
    }

    /// A sign-in from this server, as the sign-in endpoint returns it.
    fn sign_in(&self, client: &TestClient, user_id: &str) -> UserAuth {
        let signed = self.channels.sign_in(&client.socket_id(), &user(user_id));
        signed.unwrap().unwrap()
    }

    fn occupied(&self) -> Vec<String> {
        self.channels
            .occupied_channels()
            .iter()
            .map(ToString::to_string)
            .collect()
    }
}

impl TestClient {
    fn socket_id(&self) -> SocketId {
        self.registration.socket_id.clone()
    }

    fn send(&mut self, text: &(impl ToString + ?Sized)) {
        self.session.receive(&text.to_string(), self.server.clock.now());
    }

    /// The frames since the last call, in order, with parsed data; a close as its code.
    fn received(&self) -> Vec<Value> {
        let mut received = Vec::new();
        loop {
            match self.registration.queue.try_next() {
                Some(Outgoing::Frame(frame)) => received.push(read(frame.as_str())),
                Some(Outgoing::Close(close)) => {
                    received.push(json!(close.code()));
                    return received;
                }
                None => return received,
            }
        }
    }

    /// The event names of [`TestClient::received`].
    fn received_events(&self) -> Vec<String> {
        let name = |frame: Value| {
            frame["event"]
                .as_str()
                .map_or_else(|| frame.to_string(), str::to_owned)
        };
        self.received().into_iter().map(name).collect()
    }

    fn subscribe_with(&mut self, channel: &str, auth: &ChannelAuth) {
        self.send(&json!({
            "event": "pusher:subscribe",
            "data": { "channel": channel, "auth": auth.auth, "channel_data": auth.channel_data },
        }));
    }

    fn sign_in(&mut self, auth: &UserAuth) {
        self.send(&json!({
            "event": "pusher:signin",
            "data": { "auth": auth.auth, "user_data": auth.user_data },
        }));
    }

    /// Requests a signature if needed and subscribes, as pusher-js does.
    fn subscribe(&mut self, channel: &str, user_id: &str) {
        let auth = if name(channel).is_signed() {
            self.server.sign(self, channel, user_id)
        } else {
            ChannelAuth {
                auth: String::new(),
                channel_data: None,
            }
        };
        self.subscribe_with(channel, &auth);
    }

    /// As [`TestClient::subscribe`], and expects the confirmation as the only frame.
    fn subscribed_to(mut self, channel: &str, user_id: &str) -> Self {
        self.subscribe(channel, user_id);
        assert_eq!(self.received_events(), ["pusher_internal:subscription_succeeded"]);
        self
    }

    fn unsubscribe(&mut self, channel: &str) {
        self.send(&json!({ "event": "pusher:unsubscribe", "data": { "channel": channel } }));
    }
}

fn read(frame: &str) -> Value {
    let mut frame: Value = serde_json::from_str(frame).unwrap();
    if let Some(data) = frame["data"].as_str() {
        frame["data"] = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
    }
    frame
}

fn permissive() -> EmbeddedOptions {
    EmbeddedOptions::default()
        .with_client_events(ClientEvents::AllChannels)
        .with_public_channels(PublicChannels::On)
}

fn name(channel: &str) -> ChannelName {
    ChannelName::parse(channel).unwrap()
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn event(channel: &str, data: &str) -> Event {
    Event {
        channel: name(channel),
        name: "new-message",
        data: data.to_owned(),
        except: None,
    }
}
