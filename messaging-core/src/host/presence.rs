//! Presence: who is connected.

use std::collections::HashMap;

use async_trait::async_trait;

use super::HostError;
use crate::id::UserId;

/// Who is connected: has a connection subscribed to their user channel.
#[async_trait]
pub trait Presence: Send + Sync {
    /// For each user, whether they are connected. A user who is missing from the answer is unknown.
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError>;
}
