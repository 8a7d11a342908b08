use std::ops::Bound;

use async_trait::async_trait;

use super::{Event, LaneState, MemoryStore, State, Thread};
use crate::{
    domain::{message::Origin, receipt::Receipt},
    id::{ConversationId, MessageId, WorkerId},
    store::{
        Backlog, Claim, DeadLetter, DeadLetterPosition, Entry, EntryKind, Lane, LaneDeferral, LaneFailure,
        LoadedEntry, OutboxStore, Progress, Requeue, Requeued, StoreError, Subject,
    },
    time::Timestamp,
};

#[async_trait]
impl OutboxStore for MemoryStore {
    async fn claim_lanes(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError> {
        let mut state = self.lock();
        let mut due: Vec<_> = state
            .lanes
            .iter_mut()
            .filter(|(_, lane)| lane.until <= claim.now)
            .collect();
        due.sort_by_key(|(id, lane)| (lane.until, **id));
        let claimed = due.into_iter().take(claim.limit).map(|(id, lane)| {
            lane.owner = Some(claim.by);
            lane.until = claim.lease_until;
            lane.as_lane(*id)
        });
        Ok(claimed.collect())
    }

    async fn load_entries(&self, lanes: &[Lane], per_lane: usize) -> Result<Vec<LoadedEntry>, StoreError> {
        let state = self.lock();
        let threads = lanes
            .iter()
            .filter_map(|lane| Some((lane.head, state.threads.get(&lane.conversation_id)?)));
        let loaded = threads.flat_map(|(head, thread)| {
            thread
                .outbox
                .range(head..)
                .take(per_lane)
                .filter_map(|(_, entry)| thread.load(entry))
        });
        Ok(loaded.collect())
    }

    async fn acknowledge(
        &self,
        by: WorkerId,
        lease_until: Timestamp,
        done: &[Progress],
    ) -> Result<Vec<Lane>, StoreError> {
        let mut state = self.lock();
        Ok(done
            .iter()
            .filter_map(|progress| state.acknowledge_lane(by, lease_until, *progress))
            .collect())
    }

    async fn defer_lanes(&self, by: WorkerId, deferrals: &[LaneDeferral]) -> Result<(), StoreError> {
        let mut state = self.lock();
        for delay in deferrals {
            if let Some(lane) = state.owned(delay.conversation_id, by, delay.lease_until) {
                lane.owner = None;
                lane.until = delay.until;
                match delay.failure {
                    LaneFailure::None => {}
                    LaneFailure::Transport => lane.tries = lane.tries.saturating_add(1),
                    LaneFailure::Refused => lane.refusals = lane.refusals.saturating_add(1),
                }
            }
        }
        Ok(())
    }

    async fn dead_letter(
        &self,
        by: WorkerId,
        lane: &Lane,
        entry: &Entry,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.owned(lane.conversation_id, by, lane.lease_until).is_some() {
            let thread = state.threads.get_mut(&entry.conversation_id);
            let removed = thread.and_then(|thread| {
                thread.lost_access.remove(&entry.number);
                thread.outbox.remove(&entry.number)
            });
            if removed.is_some() {
                let dead = DeadLetter {
                    entry: entry.clone(),
                    why: why.to_owned(),
                    at: now,
                };
                state.dead_letters.insert(dead.position(), dead);
            }
        }
        Ok(())
    }

    async fn list_dead_letters(
        &self,
        after: Option<&DeadLetterPosition>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let state = self.lock();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let listed = state.dead_letters.range((from, Bound::Unbounded));
        Ok(listed.take(limit).map(|(_, letter)| letter.clone()).collect())
    }

    async fn requeue(&self, step: &Requeue) -> Result<Requeued, StoreError> {
        let mut state = self.lock();
        let named = (step.conversation_id, step.number);
        let mut places = state.dead_letters.keys().copied();
        let place = places.find(|place| (place.conversation_id, place.number) == named);
        let Some(dead) = place.and_then(|place| state.dead_letters.remove(&place)) else {
            return Ok(Requeued::NotFound);
        };
        let event = Event {
            of: step.conversation_id,
            kind: dead.entry.kind,
            at: step.now,
            lost_access: None,
        };
        let entry = state.commit(event, step.now, step.publisher)?;
        Ok(Requeued::Done(entry))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let state = self.lock();
        let waiting = state
            .threads
            .values()
            .filter_map(|thread| thread.outbox.values().next());
        Ok(Backlog {
            lanes: state.lanes.len() as u64,
            oldest: waiting.map(|entry| entry.at).min(),
            next_due: state.lanes.values().map(|lane| lane.until).min(),
            dead_letters: state.dead_letters.len() as u64,
        })
    }
}

impl State {
    /// A lane, if that worker holds it under that lease.
    fn owned(&mut self, id: ConversationId, by: WorkerId, lease_until: Timestamp) -> Option<&mut LaneState> {
        self.lanes
            .get_mut(&id)
            .filter(|lane| lane.owner == Some(by) && lane.until == lease_until)
    }

    fn acknowledge_lane(&mut self, by: WorkerId, lease_until: Timestamp, progress: Progress) -> Option<Lane> {
        let id = progress.conversation_id;
        self.owned(id, by, progress.lease_until)?;
        let thread = self.threads.get_mut(&id)?;
        thread.outbox.retain(|number, _| *number > progress.up_to);
        thread.lost_access.retain(|number, _| *number > progress.up_to);
        if thread.outbox.is_empty() {
            self.lanes.remove(&id);
            return None;
        }
        let lane = self.lanes.get_mut(&id)?;
        lane.head = progress.up_to + 1;
        lane.until = lease_until;
        lane.tries = 0;
        lane.refusals = 0;
        Some(lane.as_lane(id))
    }
}

impl Thread {
    fn load(&self, entry: &Entry) -> Option<LoadedEntry> {
        let subject = match entry.kind {
            EntryKind::Message { seq } => Subject::Message(self.row(self.message(seq)?)),
            EntryKind::Read { side, up_to_seq } => {
                let mut of_side = self.receipts.iter().filter(|receipt| receipt.side == side);
                let receipt = *of_side.clone().find(|receipt| receipt.up_to_seq == up_to_seq)?;
                let before = of_side
                    .rfind(|receipt| receipt.up_to_seq < up_to_seq)
                    .map_or(0, |r| r.up_to_seq);
                Subject::Read {
                    receipt,
                    message_ids: self.newly_read(&receipt, before),
                }
            }
            EntryKind::Updated => Subject::Updated {
                booking_id: self.bookings.last().cloned(),
            },
        };
        Some(LoadedEntry {
            entry: entry.clone(),
            conversation: self.conversation.clone(),
            subject,
            lost_access: self.lost_access.get(&entry.number).cloned(),
        })
    }

    fn newly_read(&self, receipt: &Receipt, before: u64) -> Vec<MessageId> {
        let theirs = |origin: &Origin| matches!(origin, Origin::User { side, .. } if *side != receipt.side);
        let covered = self
            .messages
            .iter()
            .filter(|m| m.seq > before && m.seq <= receipt.up_to_seq);
        let mut ids: Vec<_> = covered.filter(|m| theirs(&m.origin)).map(|m| m.id).collect();
        ids.drain(..ids.len().saturating_sub(Subject::MAX_READ_IDS));
        ids
    }
}
