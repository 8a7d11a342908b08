use super::Operations;
use crate::transport::channels::{Webhook, WebhookError};

impl Operations<'_> {
    /// Takes note of what the realtime server reports. Nothing depends on it: a report that is lost heals.
    ///
    /// # Errors
    /// [`WebhookError`]; then nothing was noted.
    pub fn receive_webhook(self, webhook: &Webhook<'_>) -> Result<(), WebhookError> {
        self.messaging.0.realtime.receive_webhook(webhook)
    }
}
