//! The protocol without sockets, for the fuzz targets.

use std::sync::Arc;

use messaging_core::clock::{Clock as _, ManualClock, SequentialIds};

use super::{ClientEvents, EmbeddedChannels, EmbeddedOptions, PublicChannels, session::Session};
use crate::credentials::{AppKey, AppSecret, Credentials};

/// Two pages send these messages in turn.
///
/// # Panics
/// When what is known of connections and what is known of channels no longer agree.
pub fn converse<'a>(messages: impl IntoIterator<Item = &'a str>) {
    let (Ok(key), Ok(secret)) = (AppKey::parse("local"), AppSecret::parse("secret")) else {
        return;
    };
    let clock = ManualClock::new();
    let (credentials, ids) = (Credentials { key, secret }, Arc::new(SequentialIds::default()));
    // Everything that can be turned on is, so that every path is tried.
    let options = EmbeddedOptions::default()
        .with_client_events(ClientEvents::AllChannels)
        .with_public_channels(PublicChannels::On)
        .with_queue_messages(8);
    let channels = EmbeddedChannels::new(&credentials, options, Arc::new(clock.clone()), ids);
    let mut pages =
        [(); 2].map(|()| Session::open(channels.server.clone(), channels.new_socket_id(), Ok(())));
    for (nth, message) in messages.into_iter().enumerate() {
        pages[nth % 2].receive(message, clock.now());
        channels.server.hub().assert_consistent();
    }
}
