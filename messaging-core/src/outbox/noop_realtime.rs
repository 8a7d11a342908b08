use async_trait::async_trait;

use crate::{
    domain::{channel::ChannelName, event::Event},
    id::UserId,
    transport::channels::{ChannelAuth, Channels, Subscription, Webhook, WebhookError},
    transport::realtime::{Limits, Realtime},
    transport::{TransportError, TransportErrorKind},
};

/// The transport of a host without one: accepts all events, delivers none, signs nothing.
pub(crate) struct NoopRealtime;

impl Channels for NoopRealtime {
    fn sign(&self, _: &Subscription) -> Result<ChannelAuth, TransportError> {
        Err(TransportError::new(
            TransportErrorKind::Misconfigured,
            "no realtime server is configured",
        ))
    }

    fn receive_webhook(&self, _: &Webhook<'_>) -> Result<(), WebhookError> {
        Err(WebhookError::NotAuthentic("no realtime server is configured"))
    }
}

#[async_trait]
impl Realtime for NoopRealtime {
    fn limits(&self) -> Limits {
        Limits {
            events_per_call: 1_000,
            data_bytes: usize::MAX,
        }
    }

    async fn publish(&self, _: &[Event]) -> Result<(), TransportError> {
        Ok(())
    }

    async fn revoke(&self, _: &UserId, _: &ChannelName) -> Result<(), TransportError> {
        Ok(())
    }
}
