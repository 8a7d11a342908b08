//! Digests in a house where nobody is connected.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use messaging_core::{
    ConversationId, HistoryRequest, Messaging, MessagingBuilder, Unlimited, UserId,
    clock::{ManualClock, SequentialIds},
    host::HostError,
    host::presence::Presence,
    store::Store,
    transport::mailer::{Digest, Mailer},
    transport::{TransportError, TransportErrorKind},
};
use messaging_testkit::fake::FakeDirectory;

/// Takes what comes, but for the failures that it was told.
#[derive(Clone, Default)]
pub(crate) struct Letterbox(pub(crate) Arc<Mutex<(Vec<Digest>, VecDeque<TransportErrorKind>)>>);

#[async_trait]
impl Mailer for Letterbox {
    async fn send(&self, digest: &Digest) -> Result<(), TransportError> {
        let mut state = self.0.lock().unwrap();
        if let Some(kind) = state.1.pop_front() {
            return Err(TransportError::new(kind, "as asked for"));
        }
        state.0.push(digest.clone());
        Ok(())
    }
}

/// Nobody is there.
pub(crate) struct Nobody;

#[async_trait]
impl Presence for Nobody {
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        Ok(users.iter().map(|user| (user.clone(), false)).collect())
    }
}

/// What builds a house in which nobody is there and nothing is limited; how people are mailed is left to the test.
pub(crate) fn quiet_house(
    store: impl Store + 'static,
    directory: FakeDirectory,
    clock: &ManualClock,
) -> MessagingBuilder {
    Messaging::builder(store, directory)
        .rate_limiter(Unlimited)
        .presence(Nobody)
        .clock(clock.clone())
        .ids(SequentialIds::default())
}

/// The newest messages, which are read by that.
pub(crate) fn newest(conversation_id: ConversationId) -> HistoryRequest {
    HistoryRequest::newest(conversation_id)
}
