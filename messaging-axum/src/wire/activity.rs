//! JSON form of activity counts.

use std::time::Duration;

use messaging_core::{Timestamp, domain::activity::Activity};
use serde::Serialize;
use utoipa::ToSchema;

/// The activity in one bucket.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Activity)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityPayload {
    /// The start of the bucket.
    from: Timestamp,
    /// The end of the bucket, exclusive.
    to: Timestamp,
    /// Messages sent by users, without system messages.
    messages: u64,
    conversations_opened: u64,
    /// Users who sent or read a message.
    active_users: u64,
    first_replies: FirstRepliesPayload,
}

/// The time that clients waited for the agent's first reply.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FirstReplies)]
#[serde(rename_all = "camelCase")]
struct FirstRepliesPayload {
    /// The number of first replies.
    count: u64,
    /// In milliseconds; null if there were none.
    #[schema(required)]
    median_ms: Option<u64>,
    /// The 95th percentile in milliseconds; null if there were none.
    #[schema(required)]
    p95_ms: Option<u64>,
}

impl ActivityPayload {
    pub(crate) fn new(from: Timestamp, to: Timestamp, activity: &Activity) -> Self {
        let replies = &activity.first_replies;
        Self {
            from,
            to,
            messages: activity.messages,
            conversations_opened: activity.opened,
            active_users: activity.active_users,
            first_replies: FirstRepliesPayload {
                count: replies.count,
                median_ms: replies.median.map(millis),
                p95_ms: replies.p95.map(millis),
            },
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
