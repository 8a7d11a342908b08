//! The protocol without sockets: sessions as values, what they hear as JSON.

mod client_events;
mod connecting;
mod flooding;
mod presence;
mod properties;
mod publishing;
mod revoking;
mod spelling;
mod storm;
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
    session::{Membership, Session},
};
use crate::credentials::{AppKey, AppSecret, Credentials};

/// A conversation's channels, which are ours.
const PRIVATE: &str = "private-conversation-00000000-0000-0000-0000-000000000001";
const PRESENCE: &str = "presence-conversation-00000000-0000-0000-0000-000000000001";

#[derive(Clone)]
struct World {
    channels: EmbeddedChannels,
    clock: ManualClock,
}

/// A page with its connection.
struct Page {
    session: Session,
    membership: Arc<Membership>,
    world: World,
}

impl World {
    fn new() -> Self {
        Self::with(EmbeddedOptions::default())
    }

    /// With client events and public channels wherever they can be turned on.
    fn permissive() -> Self {
        Self::with(permissive())
    }

    fn with(options: EmbeddedOptions) -> Self {
        let credentials = Credentials {
            key: AppKey::parse("local").unwrap(),
            secret: AppSecret::parse("secret").unwrap(),
        };
        let clock = ManualClock::new();
        let ids = Arc::new(SequentialIds::default());
        Self {
            channels: EmbeddedChannels::new(&credentials, options, Arc::new(clock.clone()), ids),
            clock,
        }
    }

    /// A page whose connection is established.
    fn page(&self) -> Page {
        let page = self.visitor();
        assert_eq!(page.hears()[0]["event"], "pusher:connection_established");
        page
    }

    /// A page that has just connected.
    fn visitor(&self) -> Page {
        let server = self.channels.server.clone();
        let session = Session::open(server, self.channels.new_socket_id(), Ok(()));
        Page {
            membership: session.membership(),
            session,
            world: self.clone(),
        }
    }

    /// What this server's authorisation endpoint answers.
    fn signs(&self, page: &Page, channel: &str, user_id: &str) -> ChannelAuth {
        let subscription = Subscription {
            socket_id: page.socket_id(),
            channel: name(channel),
            member: Member {
                user_id: user(user_id),
                name: user_id.to_uppercase(),
            },
        };
        self.channels.sign(&subscription).unwrap()
    }

    /// What this server's endpoint for signing in answers.
    fn signs_in(&self, page: &Page, user_id: &str) -> UserAuth {
        let signed = self.channels.sign_in(&page.socket_id(), &user(user_id));
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

impl Page {
    fn socket_id(&self) -> SocketId {
        self.membership.socket_id.clone()
    }

    fn says(&mut self, text: &(impl ToString + ?Sized)) {
        self.session.receive(&text.to_string(), self.world.clock.now());
    }

    /// What came since, in order; the data of the server's frames read, and a close as its code.
    fn hears(&self) -> Vec<Value> {
        let mut heard = Vec::new();
        loop {
            match self.membership.queue.try_next() {
                Some(Outgoing::Frame(frame)) => heard.push(read(frame.as_str())),
                Some(Outgoing::Close(close)) => {
                    heard.push(json!(close.code()));
                    return heard;
                }
                None => return heard,
            }
        }
    }

    /// As [`Page::hears`], only the events' names.
    fn hears_events(&self) -> Vec<String> {
        let name = |frame: Value| {
            frame["event"]
                .as_str()
                .map_or_else(|| frame.to_string(), str::to_owned)
        };
        self.hears().into_iter().map(name).collect()
    }

    fn subscribes_with(&mut self, channel: &str, auth: &ChannelAuth) {
        self.says(&json!({
            "event": "pusher:subscribe",
            "data": { "channel": channel, "auth": auth.auth, "channel_data": auth.channel_data },
        }));
    }

    fn signs_in(&mut self, auth: &UserAuth) {
        self.says(&json!({
            "event": "pusher:signin",
            "data": { "auth": auth.auth, "user_data": auth.user_data },
        }));
    }

    /// What pusher-js does to subscribe.
    fn subscribes(&mut self, channel: &str, user_id: &str) {
        let auth = if name(channel).is_signed() {
            self.world.signs(self, channel, user_id)
        } else {
            ChannelAuth {
                auth: String::new(),
                channel_data: None,
            }
        };
        self.subscribes_with(channel, &auth);
    }

    /// As [`Page::subscribes`], when nothing else is to be heard about it.
    fn now_in(mut self, channel: &str, user_id: &str) -> Self {
        self.subscribes(channel, user_id);
        assert_eq!(self.hears_events(), ["pusher_internal:subscription_succeeded"]);
        self
    }

    fn unsubscribes(&mut self, channel: &str) {
        self.says(&json!({ "event": "pusher:unsubscribe", "data": { "channel": channel } }));
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
