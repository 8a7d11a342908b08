use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    id::{ConversationId, UserId},
    store::{ErasedReports, ErasureStore, StoreError, Traces},
};

#[async_trait]
impl ErasureStore for MemoryStore {
    async fn list_traces(
        &self,
        of: &UserId,
        after: Option<ConversationId>,
        conversations: usize,
    ) -> Result<Traces, StoreError> {
        let state = self.lock();
        let mut ids: Vec<_> = state.threads.keys().copied().collect();
        ids.retain(|id| after.is_none_or(|after| *id > after));
        ids.truncate(conversations);
        let looked_up_to = ids.last().copied();
        ids.retain(|id| {
            let thread = &state.threads[id];
            let wrote = thread
                .messages
                .iter()
                .any(|message| message.origin.sender() == Some(of));
            wrote || thread.conversation.side_of(of).is_some()
        });
        Ok(Traces {
            conversations: ids,
            looked_up_to,
        })
    }

    async fn erase_messages(&self, in_conversation: ConversationId, of: &UserId) -> Result<u64, StoreError> {
        let mut state = self.lock();
        let Some(thread) = state.threads.get_mut(&in_conversation) else {
            return Ok(0);
        };
        let mut erased = 0;
        for message in &mut thread.messages {
            erased += u64::from(message.erase(of));
        }
        thread.keys.retain(|(sender, _), _| sender.as_ref() != Some(of));
        Ok(erased)
    }

    async fn erase_from_reports(&self, user_id: &UserId) -> Result<ErasedReports, StoreError> {
        let mut state = self.lock();
        let mut reports = ErasedReports::default();
        for filing in state.reports.values_mut().filter(|filing| filing.has(user_id)) {
            if filing.is_open() {
                reports.open += 1;
            } else {
                filing.erase(user_id);
                reports.erased += 1;
            }
        }
        Ok(reports)
    }

    async fn forget_user(&self, user_id: &UserId) -> Result<(), StoreError> {
        self.lock().digest_users.remove(user_id);
        Ok(())
    }
}
