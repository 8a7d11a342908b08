//! Presence: which users are online.

use std::collections::HashMap;

use async_trait::async_trait;

use super::HostError;
use crate::id::UserId;

/// Which users are online: have a connection that is subscribed to their user channel.
#[async_trait]
pub trait Presence: Send + Sync {
    /// Whether each user is online. The presence of a user who is missing from the answer is unknown.
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError>;
}
