//! The two compared servers.

use std::{net::SocketAddr, sync::Arc};

use hmac::{Hmac, KeyInit as _, Mac as _};
use messaging_core::{
    event::{ChannelName, Event, SocketId},
    id::UserId,
    transport::channels::{ChannelAuth, Member, Subscription},
    transport::realtime::Realtime,
};
use messaging_pusher::{
    AppId, AppKey, AppSecret, Credentials, EmbeddedChannels, EmbeddedOptions, PublicChannels, PusherConfig,
    PusherOptions, PusherRealtime, PusherServer, PusherSigner, Tls,
};
use messaging_tests::Sockudo;
use sha2::Sha256;
use tokio::net::TcpListener;

const SECRET: &str = "tests-secret";

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    key: String,
    signer: PusherSigner,
    realtime: Arc<dyn Realtime>,
    pub(crate) is_ours: bool,
    _sockudo: Option<Sockudo>,
}

impl Server {
    pub(crate) async fn embedded() -> Self {
        let credentials = credentials("tests-key", SECRET);
        let channels = EmbeddedChannels::new(
            &credentials,
            EmbeddedOptions::default().with_public_channels(PublicChannels::On),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app: axum::Router = channels.router();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            address,
            key: credentials.key.to_string(),
            signer: PusherSigner::new(&credentials),
            realtime: Arc::new(channels),
            is_ours: true,
            _sockudo: None,
        }
    }

    /// Returns `None` if sockudo is not installed; a note is printed then.
    pub(crate) fn sockudo() -> Option<Self> {
        let sockudo = Sockudo::start("the protocol, frame by frame")?;
        assert_eq!((sockudo.key(), sockudo.secret()), ("tests-key", SECRET));
        let credentials = credentials(sockudo.key(), sockudo.secret());
        let address = sockudo.address();
        let server = PusherServer::host(address.ip().to_string(), address.port(), Tls::Off).unwrap();
        let app_id = AppId::parse(sockudo.app_id()).unwrap();
        let config = PusherConfig::new(app_id, credentials.clone(), server);
        Some(Self {
            address,
            key: credentials.key.to_string(),
            signer: PusherSigner::new(&credentials),
            realtime: Arc::new(PusherRealtime::new(config, PusherOptions::default()).unwrap()),
            is_ours: false,
            _sockudo: Some(sockudo),
        })
    }

    /// Returns the WebSocket URL for that version of the protocol.
    pub(crate) fn path(&self, protocol: &str) -> String {
        format!("/app/{}?{protocol}client=tests&version=1", self.key)
    }

    /// Signs like a host's own endpoint.
    pub(crate) fn sign(&self, socket_id: &SocketId, channel: &str, user: &str) -> ChannelAuth {
        let subscription = Subscription {
            socket_id: socket_id.clone(),
            channel: ChannelName::parse(channel).unwrap(),
            member: Member {
                user_id: UserId::parse(user).unwrap(),
                name: user.to_uppercase(),
            },
        };
        self.signer.sign(&subscription).unwrap()
    }

    /// Signs member data for any channel.
    pub(crate) fn sign_with_data(&self, socket_id: &SocketId, channel: &str, data: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("{socket_id}:{channel}:{data}").as_bytes());
        format!("{}:{}", self.key, hex::encode(mac.finalize().into_bytes()))
    }

    pub(crate) async fn publish(&self, channel: &str, texts: &[&str], except: Option<SocketId>) {
        let event = |text: &&str| Event {
            channel: ChannelName::parse(channel).unwrap(),
            name: "new-message",
            data: format!(r#"{{"text":"{text}"}}"#),
            except: except.clone(),
        };
        let events: Vec<_> = texts.iter().map(event).collect();
        self.realtime.publish(&events).await.unwrap();
    }
}

fn credentials(key: &str, secret: &str) -> Credentials {
    Credentials {
        key: AppKey::parse(key).unwrap(),
        secret: AppSecret::parse(secret).unwrap(),
    }
}
