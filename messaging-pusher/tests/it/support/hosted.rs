//! An app on a server with configurable replies.

use std::{net::SocketAddr, sync::Arc};

use messaging_core::{
    clock::ManualClock,
    event::{ChannelName, Event},
    id::UserId,
    transport::TransportErrorKind,
};
use messaging_pusher::{
    AppId, AppKey, AppSecret, Credentials, PusherConfig, PusherOptions, PusherRealtime, PusherServer, Tls,
};

use crate::support::fault_server::FaultServer;

pub(crate) const SECRET: &str = "7ad3773142a6692b25b8";
pub(crate) const KEY: &str = "278d425bdf160c739803";

pub(crate) struct Fixture {
    pub(crate) server: FaultServer,
    pub(crate) pusher: PusherRealtime,
    pub(crate) clock: ManualClock,
}

impl Fixture {
    pub(crate) async fn open() -> Self {
        Self::open_with(PusherOptions::default()).await
    }

    pub(crate) async fn open_with(options: PusherOptions) -> Self {
        let (server, clock) = (FaultServer::start().await, ManualClock::new());
        let pusher = at(server.address, Tls::Off, options, &clock);
        Self {
            server,
            pusher,
            clock,
        }
    }
}

pub(crate) fn at(
    address: SocketAddr,
    tls: Tls,
    options: PusherOptions,
    clock: &ManualClock,
) -> PusherRealtime {
    let server = PusherServer::host(address.ip().to_string(), address.port(), tls).unwrap();
    pusher(server, options, clock)
}

pub(crate) fn pusher(server: PusherServer, options: PusherOptions, clock: &ManualClock) -> PusherRealtime {
    let credentials = Credentials {
        key: AppKey::parse(KEY).unwrap(),
        secret: AppSecret::parse(SECRET).unwrap(),
    };
    let config = PusherConfig::new(AppId::parse("3").unwrap(), credentials, server);
    PusherRealtime::with_clock(config, options, Arc::new(clock.clone())).unwrap()
}

pub(crate) fn event(data: impl Into<String>) -> Event {
    Event {
        channel: ChannelName::parse("private-user-carl").unwrap(),
        name: "new-message",
        data: data.into(),
        except: None,
    }
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

/// The error kind of a call, or `None` on success.
pub(crate) fn kind(
    outcome: Result<(), messaging_core::transport::TransportError>,
) -> Option<TransportErrorKind> {
    outcome.err().map(|error| error.kind())
}
