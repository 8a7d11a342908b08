use super::Messaging;
use crate::transport::channels::{Webhook, WebhookError};

impl Messaging {
    /// Takes note of what the realtime server reports. Nothing depends on it: a report that is lost heals.
    ///
    /// # Errors
    /// [`WebhookError`]; then nothing was noted.
    pub fn receive_webhook(&self, webhook: &Webhook<'_>) -> Result<(), WebhookError> {
        self.0.realtime.receive_webhook(webhook)
    }
}
