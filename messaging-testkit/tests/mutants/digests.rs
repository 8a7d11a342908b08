//! What a store can get wrong about who is to be mailed.

use async_trait::async_trait;
use messaging_core::{
    domain::digest::{Extent, Unmailed},
    id::UserId,
    port::store::{
        DigestAttempt, DigestClaim, DigestHold, DigestLease, Digests, DueUser, Excerpt, PushMark, StoreError,
    },
    time::Timestamp,
};

use crate::broken::Broken;

#[async_trait]
impl Digests for Broken {
    async fn claim_digests(&self, claim: &DigestClaim) -> Result<Vec<DueUser>, StoreError> {
        self.inner.claim_digests(claim).await
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
        self.inner.record_attempt(lease, attempt, now).await
    }

    async fn load_excerpts(&self, extents: &[Extent], messages: usize) -> Result<Vec<Excerpt>, StoreError> {
        self.inner.load_excerpts(extents, messages).await
    }

    async fn mark_mailed(
        &self,
        user_id: &UserId,
        extents: &[Extent],
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.inner.mark_mailed(user_id, extents, again_at).await
    }

    async fn finish_digest(
        &self,
        lease: &DigestLease,
        sent_at: Option<Timestamp>,
        remember: usize,
    ) -> Result<bool, StoreError> {
        self.inner.finish_digest(lease, sent_at, remember).await
    }

    async fn hold_digests(&self, holds: &[DigestHold]) -> Result<(), StoreError> {
        self.inner.hold_digests(holds).await
    }

    async fn admit_push(&self, push: &PushMark) -> Result<bool, StoreError> {
        self.inner.admit_push(push).await
    }
}
