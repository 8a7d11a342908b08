//! How much went on in an hour or a day.

use std::time::Duration;

use messaging_core::{Timestamp, domain::activity::Activity};
use serde::Serialize;

/// A bucket, and what went on in it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityPayload {
    from: Timestamp,
    to: Timestamp,
    messages: u64,
    conversations_opened: u64,
    active_users: u64,
    first_replies: FirstRepliesPayload,
}

/// In milliseconds; null where there were none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FirstRepliesPayload {
    count: u64,
    median_ms: Option<u64>,
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
