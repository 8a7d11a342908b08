//! What has been read: marking, and the caller's total.

use axum::extract::State;
use messaging_core::{ConversationId, MessageId, Messaging, ReadState, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    answer::Answer,
    error::ApiError,
    extract::{Caller, Field, Fields, Json},
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnreadPayload {
    unread_count: u64,
}

/// GET `/messages/unread`: in all the conversations of the caller's list together.
pub(crate) async fn count_unread(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
) -> Result<Answer<UnreadPayload>, ApiError> {
    let unread_count = messaging.count_unread(&actor).await?;
    Ok(Answer::found(UnreadPayload { unread_count }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MarkReadBody {
    conversation_id: Field<String>,
    up_to: Field<String>,
}

/// Where the caller stands in the conversation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadStatePayload {
    unread_count: u64,
    unread_version: u64,
    read_at: Option<Timestamp>,
}

/// POST `/messages/read`: marks everything up to a message as read.
pub(crate) async fn mark_read(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Json(body): Json<MarkReadBody>,
) -> Result<Answer<ReadStatePayload>, ApiError> {
    let mut fields = Fields::default();
    let conversation_id = fields.required("conversationId", body.conversation_id, ConversationId::parse);
    let up_to = fields.required("upTo", body.up_to, MessageId::parse);
    let (Ok(conversation_id), Ok(up_to)) = (conversation_id, up_to) else {
        return Err(fields.into());
    };
    let state = messaging.mark_read(&actor, conversation_id, up_to).await?;
    Ok(Answer::found(state.into()))
}

impl From<ReadState> for ReadStatePayload {
    fn from(ReadState { mailbox, read_at }: ReadState) -> Self {
        Self {
            unread_count: mailbox.unread(),
            unread_version: mailbox.version(),
            read_at,
        }
    }
}
