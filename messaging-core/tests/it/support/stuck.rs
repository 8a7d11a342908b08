//! A transport whose calls stay pending.

use messaging_core::{
    UserId,
    event::{ChannelName, Event},
    transport::channels::{ChannelAuth, Channels, Subscription, Webhook, WebhookError},
    transport::realtime::{Limits, Realtime},
    transport::{TransportError, TransportErrorKind},
};

/// Leaves every call pending.
pub(crate) struct Stuck;

impl Channels for Stuck {
    fn sign(&self, _: &Subscription) -> Result<ChannelAuth, TransportError> {
        Err(TransportError::new(
            TransportErrorKind::Misconfigured,
            "signing is not supported",
        ))
    }

    fn receive_webhook(&self, _: &Webhook<'_>) -> Result<(), WebhookError> {
        Err(WebhookError::NotAuthentic("no realtime server is configured"))
    }
}

#[async_trait::async_trait]
impl Realtime for Stuck {
    fn limits(&self) -> Limits {
        Limits {
            events_per_call: 10,
            data_bytes: 10_240,
        }
    }

    async fn publish(&self, _: &[Event]) -> Result<(), TransportError> {
        std::future::pending().await
    }

    async fn revoke(&self, _: &UserId, _: &ChannelName) -> Result<(), TransportError> {
        std::future::pending().await
    }
}
