use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;

use super::{MemoryStore, Thread};
use crate::{
    domain::{
        activity::{Activity, Buckets, FirstReplies},
        message::Origin,
        receipt::Receipt,
        side::Side,
    },
    id::UserId,
    port::store::{Activities, ActivityScan, StoreError},
    time::Timestamp,
};

/// What is counted of a bucket.
#[derive(Default)]
struct Counted {
    messages: u64,
    opened: u64,
    active: BTreeSet<UserId>,
    waits: Vec<Duration>,
}

#[async_trait]
impl Activities for MemoryStore {
    async fn count_activity(&self, scan: &ActivityScan) -> Result<Vec<Activity>, StoreError> {
        let state = self.lock();
        let mut counted: Vec<_> = (0..scan.buckets.count()).map(|_| Counted::default()).collect();
        let asked = |thread: &&Thread| {
            let agent_id = &thread.conversation.agent_id;
            scan.agent_id.as_ref().is_none_or(|asked| asked == agent_id)
        };
        for thread in state.threads.values().filter(asked) {
            Counting(&mut counted, &scan.buckets).count(thread);
        }
        Ok(counted.into_iter().map(Into::into).collect())
    }
}

/// What is counted, and in which buckets.
struct Counting<'a>(&'a mut [Counted], &'a Buckets);

impl Counting<'_> {
    fn count(&mut self, thread: &Thread) {
        let conversation = &thread.conversation;
        self.at(conversation.created_at, |bucket| bucket.opened += 1);
        for message in &thread.messages {
            if let Origin::User { user_id, .. } = &message.origin {
                self.at(message.created_at, |bucket| {
                    bucket.messages += 1;
                    bucket.active.insert(user_id.clone());
                });
            }
        }
        for Receipt { side, read_at, .. } in &thread.receipts {
            let reader = conversation.user(*side).clone();
            self.at(*read_at, |bucket| {
                bucket.active.insert(reader);
            });
        }
        if let Some((at, wait)) = first_reply(thread) {
            self.at(at, |bucket| bucket.waits.push(wait));
        }
    }

    fn at(&mut self, at: Timestamp, what: impl FnOnce(&mut Counted)) {
        let Self(counted, buckets) = self;
        if let Some(position) = buckets.position(at) {
            what(&mut counted[position]);
        }
    }
}

/// When the agent answered for the first time, and how long the client had waited.
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

impl From<Counted> for Activity {
    fn from(counted: Counted) -> Self {
        Self {
            messages: counted.messages,
            opened: counted.opened,
            active_users: counted.active.len() as u64,
            first_replies: FirstReplies::of(counted.waits),
        }
    }
}
