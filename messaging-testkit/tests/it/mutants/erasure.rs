//! Faults of a store in erasing a user.

use async_trait::async_trait;
use messaging_core::{
    id::{ConversationId, UserId},
    store::{ErasedReports, ErasureStore, StoreError, Traces},
};

use crate::mutants::broken::{Broken, Fault};

#[async_trait]
impl ErasureStore for Broken {
    async fn list_traces(
        &self,
        of: &UserId,
        after: Option<ConversationId>,
        conversations: usize,
    ) -> Result<Traces, StoreError> {
        let mut traces = self.inner.list_traces(of, after, conversations).await?;
        if self.has(Fault::OverlooksATrace) {
            traces.conversations.pop();
        }
        if self.has(Fault::RepeatsTheFirstPageOfTraces) {
            traces.looked_up_to = traces.looked_up_to.or(after);
        }
        Ok(traces)
    }

    async fn erase_messages(&self, in_conversation: ConversationId, of: &UserId) -> Result<u64, StoreError> {
        if self.has(Fault::ErasesNothing) {
            return Ok(0);
        }
        self.inner.erase_messages(in_conversation, of).await
    }

    async fn erase_from_reports(&self, user_id: &UserId) -> Result<ErasedReports, StoreError> {
        if self.has(Fault::KeepsComplaintsOfErasedUsers) {
            return Ok(ErasedReports::default());
        }
        self.inner.erase_from_reports(user_id).await
    }

    async fn forget_user(&self, user_id: &UserId) -> Result<(), StoreError> {
        if self.has(Fault::KeepsEMailTimesOfErasedUsers) {
            return Ok(());
        }
        self.inner.forget_user(user_id).await
    }
}
