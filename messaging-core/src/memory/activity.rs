use std::time::Duration;

use async_trait::async_trait;

use super::{MemoryStore, Thread};
use crate::{
    domain::{
        activity::{Activity, ActivityCounter},
        message::Origin,
        receipt::Receipt,
        side::Side,
    },
    store::{ActivityScan, ActivityStore, StoreError},
    time::Timestamp,
};

#[async_trait]
impl ActivityStore for MemoryStore {
    async fn count_activity(&self, scan: &ActivityScan) -> Result<Vec<Activity>, StoreError> {
        let state = self.lock();
        let mut counter = ActivityCounter::new(&scan.buckets);
        let asked = |thread: &&Thread| {
            let agent_id = &thread.conversation.agent_id;
            scan.agent_id.as_ref().is_none_or(|asked| asked == agent_id)
        };
        for thread in state.threads.values().filter(asked) {
            count(&mut counter, thread);
        }
        Ok(counter.finish())
    }
}

fn count(counter: &mut ActivityCounter<'_>, thread: &Thread) {
    let conversation = &thread.conversation;
    counter.opened(conversation.created_at);
    for message in &thread.messages {
        if let Origin::User { user_id, .. } = &message.origin {
            counter.sent(message.created_at, user_id.clone());
        }
    }
    for Receipt { side, read_at, .. } in &thread.receipts {
        counter.read(*read_at, conversation.user(*side).clone());
    }
    if let Some((at, wait)) = first_reply(thread) {
        counter.replied(at, wait);
    }
}

/// The time of the agent's first reply, and how long the client had waited for it.
fn first_reply(thread: &Thread) -> Option<(Timestamp, Duration)> {
    let mut messages = thread.messages.iter();
    let mut first = |side| {
        let of_side = |origin: &Origin| matches!(origin, Origin::User { side: of, .. } if *of == side);
        let found = messages.find(|message| of_side(&message.origin))?;
        Some(found.created_at)
    };
    let asked = first(Side::Client)?;
    let answered = first(Side::Agent)?;
    Some((answered, answered.since(asked)))
}
