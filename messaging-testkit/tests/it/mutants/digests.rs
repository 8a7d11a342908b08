//! Faults of a store in digests and pushes.

use async_trait::async_trait;
use messaging_core::{
    domain::{digest::Extent, unmailed::Unmailed},
    id::UserId,
    store::{
        ConversationStore as _, DigestAttempt, DigestClaim, DigestLease, DigestPostponement, DigestStore,
        DigestUser, Excerpt, PushMark, PushStore, StoreError,
    },
    time::Timestamp,
};

use crate::mutants::broken::{Broken, Fault, LONG};

#[async_trait]
impl DigestStore for Broken {
    async fn claim_digests(&self, claim: &DigestClaim) -> Result<Vec<DigestUser>, StoreError> {
        let mut claim = *claim;
        if self.has(Fault::ClaimsUsersTwice) {
            claim.now = claim.lease_until + LONG;
        }
        self.inner.claim_digests(&claim).await
    }

    async fn list_unmailed(&self, users: &[UserId]) -> Result<Vec<Unmailed>, StoreError> {
        self.inner.list_unmailed(users).await
    }

    async fn record_attempt(
        &self,
        lease: &DigestLease,
        attempt: &DigestAttempt,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.has(Fault::LosesAttempts) {
            return Ok(true);
        }
        self.inner.record_attempt(lease, attempt, now).await
    }

    async fn load_excerpts(&self, extents: &[Extent], messages: usize) -> Result<Vec<Excerpt>, StoreError> {
        let mut wider = extents.to_vec();
        if self.has(Fault::ShowsBeyondTheExtent) {
            for extent in &mut wider {
                extent.up_to = u64::MAX;
            }
        }
        let mut excerpts = self.inner.load_excerpts(&wider, messages).await?;
        for (excerpt, asked) in excerpts.iter_mut().zip(extents) {
            excerpt.extent.up_to = asked.up_to;
        }
        Ok(excerpts)
    }

    async fn mark_mailed(
        &self,
        user_id: &UserId,
        extents: &[Extent],
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut extents = extents.to_vec();
        if self.has(Fault::MarksNothingMailed) {
            extents.clear();
        }
        if self.has(Fault::MarksTooMuchMailed) {
            for extent in &mut extents {
                extent.up_to = u64::MAX;
            }
        }
        if self.has(Fault::MarksOthersMailed) {
            for extent in &extents {
                let found = self
                    .inner
                    .find_conversation(extent.conversation_id.into())
                    .await?;
                if let Some(found) = found {
                    let user_id = found.user(extent.side);
                    self.inner.mark_mailed(user_id, &extents, again_at).await?;
                }
            }
        }
        self.inner.mark_mailed(user_id, &extents, again_at).await
    }

    async fn complete_digest(
        &self,
        lease: &DigestLease,
        sent_at: Option<Timestamp>,
        remember: usize,
    ) -> Result<bool, StoreError> {
        let sent_at = sent_at.filter(|_| !self.has(Fault::LosesEMailTimes));
        self.inner.complete_digest(lease, sent_at, remember).await
    }

    async fn postpone_digests(&self, postponements: &[DigestPostponement]) -> Result<(), StoreError> {
        let mut postponements = postponements.to_vec();
        if self.has(Fault::PostponesNothing) {
            for hold in &mut postponements {
                hold.until = Timestamp::EPOCH;
            }
        }
        self.inner.postpone_digests(&postponements).await
    }
}

#[async_trait]
impl PushStore for Broken {
    async fn admit_push(&self, push: &PushMark) -> Result<bool, StoreError> {
        Ok(self.inner.admit_push(push).await? || self.has(Fault::AdmitsEveryPush))
    }
}
