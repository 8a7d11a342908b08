//! The protocol without sockets, for fuzz targets.

use messaging_core::clock::{Clock as _, ManualClock, SequentialIds};

use super::{ClientEvents, EmbeddedChannels, EmbeddedOptions, PublicChannels, session::Session};
use crate::credentials::{AppKey, AppSecret, Credentials};

/// Lets two clients send these messages alternately.
///
/// # Panics
/// If the hub's indexes become inconsistent.
pub fn converse<'a>(messages: impl IntoIterator<Item = &'a str>) {
    let (Ok(key), Ok(secret)) = (AppKey::parse("local"), AppSecret::parse("secret")) else {
        return;
    };
    let clock = ManualClock::new();
    let credentials = Credentials { key, secret };
    // Everything optional is enabled, so that every path is tested.
    let options = EmbeddedOptions::default()
        .with_client_events(ClientEvents::AllChannels)
        .with_public_channels(PublicChannels::On)
        .with_queue_messages(8);
    let channels =
        EmbeddedChannels::new(&credentials, options).with_clock(clock.clone(), SequentialIds::default());
    let mut clients =
        [(); 2].map(|()| Session::open(channels.server.clone(), channels.new_socket_id(), Ok(())));
    for (nth, message) in messages.into_iter().enumerate() {
        clients[nth % 2].receive(message, clock.now());
        channels.server.hub().assert_consistent();
    }
}
