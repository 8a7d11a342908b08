//! A host with an embedded server on its own port.

use std::net::SocketAddr;

use messaging_core::{
    clock::{ManualClock, SequentialIds},
    event::{ChannelName, Event, SocketId},
    id::UserId,
    transport::channels::{ChannelAuth, Channels, Member, Subscription},
};
use messaging_pusher::{AppKey, AppSecret, Credentials, EmbeddedChannels, EmbeddedOptions};
use tokio::net::TcpListener;

use crate::support::client::Client;

pub(crate) const PRIVATE: &str = "private-conversation-00000000-0000-0000-0000-000000000001";
pub(crate) const PRESENCE: &str = "presence-conversation-00000000-0000-0000-0000-000000000001";

pub(crate) struct Fixture {
    pub(crate) channels: EmbeddedChannels,
    pub(crate) clock: ManualClock,
    pub(crate) address: SocketAddr,
}

impl Fixture {
    pub(crate) async fn open() -> Self {
        Self::open_with(EmbeddedOptions::default()).await
    }

    pub(crate) async fn open_with(options: EmbeddedOptions) -> Self {
        let credentials = Credentials {
            key: AppKey::parse("local").unwrap(),
            secret: AppSecret::parse("secret").unwrap(),
        };
        let clock = ManualClock::new();
        let channels =
            EmbeddedChannels::new(&credentials, options).with_clock(clock.clone(), SequentialIds::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app: axum::Router = axum::Router::new().merge(channels.router());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            channels,
            clock,
            address,
        }
    }

    /// A client whose connection is established.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(
            self.address,
            "/app/local?protocol=7&client=js&version=8.4.0&flash=false",
        )
        .await
        .established()
        .await
    }

    /// A subscribed client.
    pub(crate) async fn subscriber(&self, channel: &str, user_id: &str) -> Client {
        let client = self.client().await;
        self.subscribed(client, channel, user_id).await
    }

    /// A subscribed client with a small receive buffer in the kernel.
    pub(crate) async fn slow_subscriber(&self, channel: &str, user_id: &str) -> Client {
        let client = Client::connect_with_small_buffer(self.address, "/app/local?protocol=7").await;
        self.subscribed(client.established().await, channel, user_id)
            .await
    }

    async fn subscribed(&self, mut client: Client, channel: &str, user_id: &str) -> Client {
        client
            .subscribe(channel, &self.sign(&client, channel, user_id))
            .await;
        client.receive("pusher_internal:subscription_succeeded").await;
        client
    }

    /// Yields to other tasks until the condition is true.
    pub(crate) async fn until(&self, is_true: impl Fn(&EmbeddedChannels) -> bool) {
        while !is_true(&self.channels) {
            tokio::task::yield_now().await;
        }
    }

    /// A signature, as the host's authorisation endpoint returns it.
    pub(crate) fn sign(&self, client: &Client, channel: &str, user_id: &str) -> ChannelAuth {
        let subscription = Subscription {
            socket_id: SocketId::parse(&client.socket_id).unwrap(),
            channel: name(channel),
            member: Member {
                user_id: user(user_id),
                name: user_id.to_uppercase(),
            },
        };
        self.channels.sign(&subscription).unwrap()
    }
}

pub(crate) fn name(channel: &str) -> ChannelName {
    ChannelName::parse(channel).unwrap()
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub(crate) fn event(channel: &str, data: &str) -> Event {
    Event {
        channel: name(channel),
        name: "new-message",
        data: data.to_owned(),
        except: None,
    }
}
