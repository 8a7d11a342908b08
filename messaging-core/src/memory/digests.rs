use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{MemoryStore, State, Thread};
use crate::{
    domain::{digest::Extent, message::Message, side::Side, unmailed::Unmailed},
    id::UserId,
    policy::may_notify,
    store::{
        DigestAttempt, DigestClaim, DigestLease, DigestPostponement, DigestStore, DigestUser, Excerpt,
        PushMark, PushStore, StoreError,
    },
    time::Timestamp,
};

/// The state of a user to whom a digest has been due.
#[derive(Debug, Default)]
pub(super) struct DigestUserState {
    lease: Option<DigestLease>,
    attempt: Option<DigestAttempt>,
    /// The times of sent digests, the newest last.
    sent: Vec<Timestamp>,
    deferrals: u32,
}

#[async_trait]
impl DigestStore for MemoryStore {
    async fn claim_digests(&self, claim: &DigestClaim) -> Result<Vec<DigestUser>, StoreError> {
        let mut state = self.lock();
        let mut due: BTreeMap<UserId, Timestamp> = BTreeMap::new();
        for thread in state.threads.values() {
            for side in Side::ALL {
                let due_at = thread.conversation.digests.of(side).due_at;
                if let Some(due_at) = due_at.filter(|due_at| *due_at <= claim.now) {
                    let user_id = thread.conversation.user(side).clone();
                    due.entry(user_id)
                        .and_modify(|first| *first = due_at.min(*first))
                        .or_insert(due_at);
                }
            }
        }
        let mut due: Vec<_> = due
            .into_iter()
            .map(|(user_id, due_at)| (due_at, user_id))
            .collect();
        due.sort();
        due.retain(|(_, user_id)| !state.is_leased(user_id, claim.now));
        due.truncate(claim.limit);
        let lease = |(_, user_id): (Timestamp, UserId)| {
            let lease = DigestLease {
                user_id,
                by: claim.by,
                until: claim.lease_until,
            };
            let user = state.digest_users.entry(lease.user_id.clone()).or_default();
            user.lease = Some(lease.clone());
            DigestUser {
                lease,
                attempt: user.attempt.clone(),
                sent: user.sent.clone(),
                deferrals: user.deferrals,
            }
        };
        Ok(due.into_iter().map(lease).collect())
    }

    async fn list_unmailed(&self, users: &[UserId]) -> Result<Vec<Unmailed>, StoreError> {
        let state = self.lock();
        let sides = state.threads.values().flat_map(|thread| {
            Side::ALL
                .into_iter()
                .filter_map(move |side| thread.unmailed(side))
        });
        let mut unmailed: Vec<_> = sides.filter(|one| users.contains(one.user())).collect();
        unmailed.sort_by_cached_key(|one| {
            let user_id = one.user().clone();
            (user_id, one.oldest, one.conversation.id, one.side)
        });
        Ok(unmailed)
    }

    async fn record_attempt(
        &self,
        lease: &DigestLease,
        attempt: &DigestAttempt,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.lock();
        let user = state.under(lease).filter(|_| now < lease.until);
        Ok(user.map(|user| user.attempt = Some(attempt.clone())).is_some())
    }

    async fn load_excerpts(&self, extents: &[Extent], messages: usize) -> Result<Vec<Excerpt>, StoreError> {
        let state = self.lock();
        let excerpt = |extent: &Extent| {
            let thread = state.threads.get(&extent.conversation_id)?;
            let within = thread
                .neither_read_nor_mailed(extent.side)
                .take_while(|message| *message.positions.of(extent.side) <= extent.up_to);
            let told: Vec<_> = within
                .filter(|message| may_notify(&thread.conversation, extent.side, message))
                .collect();
            Some(Excerpt {
                extent: *extent,
                conversation: thread.conversation.clone(),
                booking_id: thread.bookings.last().cloned(),
                messages: Excerpt::MAX_COUNT.min(told.len() as u64),
                first: told.into_iter().take(messages).cloned().collect(),
            })
        };
        Ok(extents.iter().filter_map(excerpt).collect())
    }

    async fn mark_mailed(
        &self,
        user_id: &UserId,
        extents: &[Extent],
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        for extent in extents {
            if let Some(thread) = state.threads.get_mut(&extent.conversation_id)
                && thread.conversation.user(extent.side) == user_id
            {
                thread.conversation.mail(extent.side, extent.up_to, again_at);
            }
        }
        Ok(())
    }

    async fn complete_digest(
        &self,
        lease: &DigestLease,
        sent_at: Option<Timestamp>,
        remember: usize,
    ) -> Result<bool, StoreError> {
        let mut state = self.lock();
        let Some(user) = state.under(lease) else {
            return Ok(false);
        };
        user.lease = None;
        user.attempt = None;
        user.deferrals = 0;
        user.sent.extend(sent_at);
        let forgotten = user.sent.len().saturating_sub(remember);
        user.sent.drain(..forgotten);
        Ok(true)
    }

    async fn postpone_digests(&self, postponements: &[DigestPostponement]) -> Result<(), StoreError> {
        let mut state = self.lock();
        for hold in postponements {
            let Some(user) = state.under(&hold.lease) else {
                continue;
            };
            user.lease = None;
            if hold.forget_attempt {
                user.attempt = None;
            }
            user.deferrals += u32::from(hold.is_deferred);
            for thread in state.threads.values_mut() {
                let conversation = &mut thread.conversation;
                for side in Side::ALL {
                    if *conversation.user(side) == hold.lease.user_id {
                        conversation.hold_digest(side, hold.until);
                    }
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl PushStore for MemoryStore {
    async fn admit_push(&self, push: &PushMark) -> Result<bool, StoreError> {
        let mut state = self.lock();
        let pushed = state.pushed.get(&(push.conversation_id, push.side));
        if pushed.is_some_and(|(seq, at)| *seq >= push.seq || *at > push.not_since) {
            return Ok(false);
        }
        let mark = (push.seq, push.now);
        state.pushed.insert((push.conversation_id, push.side), mark);
        Ok(true)
    }
}

impl State {
    fn is_leased(&self, user_id: &UserId, now: Timestamp) -> bool {
        let user = self.digest_users.get(user_id);
        let lease = user.and_then(|user| user.lease.as_ref());
        lease.is_some_and(|lease| now < lease.until)
    }

    /// The user's state if this lease is the current one.
    fn under(&mut self, lease: &DigestLease) -> Option<&mut DigestUserState> {
        let user = self.digest_users.get_mut(&lease.user_id)?;
        (user.lease.as_ref() == Some(lease)).then_some(user)
    }
}

impl Thread {
    fn unmailed(&self, side: Side) -> Option<Unmailed> {
        let oldest = self.neither_read_nor_mailed(side).next()?;
        Some(Unmailed {
            conversation: self.conversation.clone(),
            side,
            oldest: oldest.created_at,
        })
    }

    /// The messages addressed to a side that it has neither read nor been mailed.
    fn neither_read_nor_mailed(&self, side: Side) -> impl Iterator<Item = &Message> {
        let handled = self.conversation.read_or_mailed(side);
        let to_side = self
            .messages
            .iter()
            .filter(move |message| message.origin.addresses(side));
        to_side.filter(move |message| *message.positions.of(side) > handled)
    }
}
