//! The ports of the core, implemented by the embedded server.

use std::collections::HashMap;

use async_trait::async_trait;
use messaging_core::{
    event::{ChannelName, Event, SocketId},
    host::HostError,
    host::presence::Presence,
    id::UserId,
    transport::channels::{ChannelAuth, Channels, Subscription, UserAuth, Webhook, WebhookError},
    transport::realtime::{Limits, Realtime},
    transport::{TransportError, TransportErrorKind},
};

use super::{
    EmbeddedChannels,
    command::{MAX_EVENT_DATA_BYTES, MAX_EVENT_NAME_CHARS},
    frame::Frame,
};

const EVENTS_PER_CALL: usize = 100;

#[derive(Debug, thiserror::Error)]
enum OverLimit {
    #[error("a batch has at most {EVENTS_PER_CALL} events")]
    Batch,
    #[error("an event's name has at most {MAX_EVENT_NAME_CHARS} characters")]
    Name,
    #[error("an event's data have at most {MAX_EVENT_DATA_BYTES} bytes")]
    Data,
}

impl Channels for EmbeddedChannels {
    fn sign(&self, subscription: &Subscription) -> Result<ChannelAuth, TransportError> {
        let auth = self.signer.sign(subscription)?;
        let Subscription {
            socket_id,
            channel,
            member,
        } = subscription;
        self.server.hub().grant(socket_id, channel, &member.user_id);
        Ok(auth)
    }

    fn sign_in(&self, socket_id: &SocketId, user: &UserId) -> Result<Option<UserAuth>, TransportError> {
        self.signer.sign_in(socket_id, user).map(Some)
    }

    fn receive_webhook(&self, _: &Webhook<'_>) -> Result<(), WebhookError> {
        Err(WebhookError::NotAuthentic(
            "the embedded server sends no webhooks",
        ))
    }
}

#[async_trait]
impl Realtime for EmbeddedChannels {
    fn limits(&self) -> Limits {
        Limits {
            events_per_call: EVENTS_PER_CALL,
            data_bytes: MAX_EVENT_DATA_BYTES,
        }
    }

    async fn publish(&self, batch: &[Event]) -> Result<(), TransportError> {
        within_limits(batch).map_err(|over| TransportError::new(TransportErrorKind::Refused, over))?;
        let mut yield_policy = self.server.options.yield_policy();
        for event in batch {
            // Encode outside the lock and lock once for each event, so that a long batch does not delay subscriptions.
            let frame = Frame::of_channel(event.name, &event.channel, &event.data);
            if yield_policy.yields_before(frame.len()) {
                tokio::task::yield_now().await;
            }
            self.server
                .hub()
                .publish(&event.channel, &frame, event.except.as_ref());
        }
        // A caller that publishes batch after batch also yields to the writers.
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn revoke(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), TransportError> {
        self.server.hub().revoke(user_id, channel);
        Ok(())
    }

    async fn unsubscribe(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), TransportError> {
        self.revoke(user_id, channel).await
    }
}

#[async_trait]
impl Presence for EmbeddedChannels {
    /// Returns a value for every user.
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        let hub = self.server.hub();
        Ok(users
            .iter()
            .map(|user| (user.clone(), hub.is_online(user)))
            .collect())
    }
}

fn within_limits(batch: &[Event]) -> Result<(), OverLimit> {
    if batch.len() > EVENTS_PER_CALL {
        return Err(OverLimit::Batch);
    }
    for event in batch {
        if event.name.chars().count() > MAX_EVENT_NAME_CHARS {
            return Err(OverLimit::Name);
        }
        if event.data.len() > MAX_EVENT_DATA_BYTES {
            return Err(OverLimit::Data);
        }
    }
    Ok(())
}
