//! The outbox: the events that are committed and not yet published, and the dead letters.

use std::ops::Bound;

use async_trait::async_trait;
use messaging_core::{
    ConversationId, Timestamp,
    domain::{message::Origin, receipt::Receipt},
    id::WorkerId,
    store::{
        Backlog, Claim, DeadLetter, DeadLetterPosition, Entry, EntryKind, Lane, LaneDeferral, LaneFailure,
        LoadedEntry, OutboxStore, Progress, Requeue, Requeued, StoreError, StoreErrorKind, Subject,
    },
};

use crate::store::{CustomStore, LeasedLane, Record, State, Unpublished};

#[async_trait]
impl OutboxStore for CustomStore {
    async fn claim_lanes(&self, claim: &Claim) -> Result<Vec<Lane>, StoreError> {
        let mut state = self.lock();
        let lanes = state.records.values_mut().filter_map(|record| record.lane.as_mut());
        // `claim.scan` is ignored: every claim finds all due lanes.
        let mut due: Vec<_> = lanes.filter(|it| it.lane.lease_until <= claim.now).collect();
        due.sort_by_key(|it| it.lane.lease_until);
        let claimed = due.into_iter().take(claim.limit).map(|leased| {
            leased.owner = Some(claim.by);
            leased.lane.lease_until = claim.lease_until;
            leased.lane.clone()
        });
        Ok(claimed.collect())
    }

    async fn load_entries(&self, lanes: &[Lane], per_lane: usize) -> Result<Vec<LoadedEntry>, StoreError> {
        let state = self.lock();
        let mut loaded = Vec::new();
        for lane in lanes {
            if let Some(record) = state.records.get(&lane.conversation_id) {
                let waiting = record.unpublished.iter().filter(|it| it.entry.number >= lane.head);
                for event in waiting.take(per_lane) {
                    loaded.push(record.load(event)?);
                }
            }
        }
        Ok(loaded)
    }

    async fn acknowledge(
        &self,
        by: WorkerId,
        lease_until: Timestamp,
        done: &[Progress],
    ) -> Result<Vec<Lane>, StoreError> {
        let mut state = self.lock();
        let mut rest = Vec::new();
        for progress in done {
            let Some(record) = state.owned(progress.conversation_id, by, progress.lease_until) else {
                continue;
            };
            record.unpublished.retain(|it| it.entry.number > progress.up_to);
            if record.unpublished.is_empty() {
                record.lane = None;
            } else if let Some(LeasedLane { lane, .. }) = &mut record.lane {
                lane.head = progress.up_to + 1;
                lane.lease_until = lease_until;
                (lane.tries, lane.refusals) = (0, 0);
                rest.push(lane.clone());
            }
        }
        Ok(rest)
    }

    async fn defer_lanes(&self, by: WorkerId, deferrals: &[LaneDeferral]) -> Result<(), StoreError> {
        let mut state = self.lock();
        for delay in deferrals {
            let record = state.owned(delay.conversation_id, by, delay.lease_until);
            if let Some(LeasedLane { lane, owner }) = record.and_then(|record| record.lane.as_mut()) {
                *owner = None;
                lane.lease_until = delay.until;
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
        let Some(record) = state.owned(lane.conversation_id, by, lane.lease_until) else {
            return Ok(());
        };
        // "The lane stays as it is, even without entries, until it is acknowledged."
        let mut events = record.unpublished.iter();
        if let Some(at) = events.position(|it| it.entry.number == entry.number) {
            let dead = DeadLetter::new(record.unpublished.remove(at).entry, why.to_owned(), now);
            state.dead_letters.insert(dead.position(), dead);
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
        let letters = state.dead_letters.range((from, Bound::Unbounded));
        Ok(letters.take(limit).map(|(_, letter)| letter.clone()).collect())
    }

    async fn requeue(&self, step: &Requeue) -> Result<Requeued, StoreError> {
        let mut state = self.lock();
        let State { records, dead_letters, .. } = &mut *state;
        let is_it =
            |at: &DeadLetterPosition| (at.conversation_id, at.number) == (step.conversation_id, step.number);
        let position = dead_letters.keys().copied().find(is_it);
        let letter = position.and_then(|position| dead_letters.remove(&position));
        let record = records.get_mut(&step.conversation_id);
        let (Some(letter), Some(record)) = (letter, record) else {
            return Ok(Requeued::NotFound);
        };
        // "The newest event of its conversation: under a new number, of the same kind."
        let entry = record.commit(letter.entry.kind, step.now, step.now, step.publisher);
        Ok(Requeued::Done(entry))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let state = self.lock();
        let lanes = state.records.values().filter_map(|record| record.lane.as_ref());
        let waiting = state.records.values().flat_map(|record| &record.unpublished);
        Ok(Backlog::default()
            .with_lanes(lanes.clone().count() as u64)
            .with_oldest(waiting.map(|event| event.entry.at).min())
            .with_next_due(lanes.map(|it| it.lane.lease_until).min())
            .with_dead_letters(state.dead_letters.len() as u64))
    }
}

impl State {
    /// The record of a lane that the worker owns under exactly that lease: "after any later claim, even one by the same
    /// worker, it changes nothing".
    fn owned(&mut self, id: ConversationId, by: WorkerId, lease_until: Timestamp) -> Option<&mut Record> {
        let is_owned = |it: &LeasedLane| it.owner == Some(by) && it.lane.lease_until == lease_until;
        let record = self.records.get_mut(&id)?;
        record.lane.as_ref().is_some_and(is_owned).then_some(record)
    }
}

impl Record {
    /// An event with what its entry refers to, as that is now.
    fn load(&self, event: &Unpublished) -> Result<LoadedEntry, StoreError> {
        let corrupt = || StoreError::new(StoreErrorKind::Corrupt, "loading an entry");
        let subject = match event.entry.kind {
            EntryKind::Message { seq } => {
                let mut messages = self.messages.iter();
                let message = messages.find(|message| message.seq == seq).ok_or_else(corrupt)?;
                Subject::Message(self.row(message))
            }
            EntryKind::Read { side, up_to_seq } => {
                let mut receipts = self.receipts.iter().filter(|receipt| receipt.side == side);
                let is_before = |it: &&Receipt| it.up_to_seq < up_to_seq;
                let previous = receipts.clone().take_while(is_before).last();
                let receipt = *receipts.find(|it| it.up_to_seq == up_to_seq).ok_or_else(corrupt)?;
                let newly = previous.map_or(0, |it| it.up_to_seq) + 1..=up_to_seq;
                let by_other_side = self.messages.iter().filter(|message| {
                    newly.contains(&message.seq)
                        && matches!(&message.origin, Origin::User { side: from, .. } if *from != side)
                });
                let mut message_ids: Vec<_> = by_other_side.map(|message| message.id).collect();
                message_ids.drain(..message_ids.len().saturating_sub(Subject::MAX_READ_IDS));
                Subject::Read { receipt, message_ids }
            }
            EntryKind::Updated => Subject::Updated { booking_id: self.bookings.last().cloned() },
            _ => return Err(StoreError::new(StoreErrorKind::Unsupported, "loading an entry")),
        };
        Ok(LoadedEntry::new(event.entry.clone(), self.conversation.clone(), subject)
            .with_lost_access(event.lost_access.clone()))
    }
}
