//! How much went on in an hour or a day.

use std::time::Duration;

use messaging_core::{Timestamp, domain::activity::Activity};
use serde::Serialize;
use utoipa::ToSchema;

/// A bucket, and what went on in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Activity)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityPayload {
    /// Where it begins.
    from: Timestamp,
    /// Where it ends; no longer part of it.
    to: Timestamp,
    /// Messages of people; those of the system are not counted.
    messages: u64,
    conversations_opened: u64,
    /// Who sent or read something.
    active_users: u64,
    first_replies: FirstRepliesPayload,
}

/// How long clients waited for the agent's first reply.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FirstReplies)]
#[serde(rename_all = "camelCase")]
struct FirstRepliesPayload {
    /// How many there were.
    count: u64,
    /// In milliseconds; null where there were none.
    #[schema(required)]
    median_ms: Option<u64>,
    /// What 95 of 100 took at most, in milliseconds; null where there were none.
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
