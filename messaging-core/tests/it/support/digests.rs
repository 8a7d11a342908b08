//! Digests in a world whose users are all offline.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use messaging_core::{
    ConversationId, HistoryRequest, Messaging, MessagingBuilder, UserId,
    clock::{ManualClock, SequentialIds},
    host::{HostError, presence::Presence, rate_limit::Unlimited},
    store::Store,
    transport::{
        TransportError, TransportErrorKind,
        mailer::{Digest, Mailer},
    },
};
use messaging_testkit::fake::FakeDirectory;

/// A mailer that accepts every e-mail, except for the scripted failures.
#[derive(Clone, Default)]
pub(crate) struct Letterbox(pub(crate) Arc<Mutex<(Vec<Digest>, VecDeque<TransportErrorKind>)>>);

#[async_trait]
impl Mailer for Letterbox {
    async fn send(&self, digest: &Digest) -> Result<(), TransportError> {
        let mut state = self.0.lock().unwrap();
        if let Some(kind) = state.1.pop_front() {
            return Err(TransportError::new(kind, "simulated failure"));
        }
        state.0.push(digest.clone());
        Ok(())
    }
}

/// Presence in which every user is offline.
pub(crate) struct AllOffline;

#[async_trait]
impl Presence for AllOffline {
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        Ok(users.iter().map(|user| (user.clone(), false)).collect())
    }
}

/// A builder without rate limits whose users are all offline; the test configures digests.
pub(crate) fn offline_builder(
    store: impl Store + 'static,
    directory: FakeDirectory,
    clock: &ManualClock,
) -> MessagingBuilder {
    Messaging::builder(store, directory)
        .rate_limiter(Unlimited)
        .presence(AllOffline)
        .clock(clock.clone())
        .ids(SequentialIds::default())
}

/// Requests the newest messages, which marks them as read.
pub(crate) fn newest(conversation_id: ConversationId) -> HistoryRequest {
    HistoryRequest::newest(conversation_id)
}
