//! Marks messages as read and counts unread ones.

use axum::extract::State;
use messaging_core::{
    ConversationId, MessageId, Messaging, Timestamp, event::ChannelName, participant::ReadState,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, Json},
    response::{ApiResponse, ItemBody},
};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Unread)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnreadPayload {
    unread_count: u64,
    /// The name of the caller's own channel.
    #[schema(value_type = ChannelName)]
    channel: String,
}

/// Count unread messages
///
/// The total over all conversations of the caller, and the name of the caller's own channel.
#[utoipa::path(
    get,
    path = "/messages/unread",
    tag = "messages",
    operation_id = "countUnread",
    responses((status = 200, body = ItemBody<UnreadPayload>))
)]
pub(crate) async fn count_unread(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
) -> Result<ApiResponse<ItemBody<UnreadPayload>>, ApiError> {
    let unread_count = messaging.count_unread(&actor).await?;
    let channel = messaging.user_channel(actor.user_id()).to_string();
    Ok(ApiResponse::ok(UnreadPayload {
        unread_count,
        channel,
    }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MarkReadBody {
    #[schema(value_type = ConversationId, required)]
    #[serde(default)]
    conversation_id: Field<String>,
    /// The last message to mark as read.
    #[schema(value_type = MessageId, required)]
    #[serde(default)]
    up_to: Field<String>,
}

/// The caller's read state of the conversation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadState)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadStatePayload {
    /// The number of unread messages in this conversation.
    unread_count: u64,
    /// Grows with every change of `unreadCount`: of two responses, the one with the greater value is newer.
    unread_version: u64,
    /// The time of the receipt that covers the message; null if there is none.
    #[schema(required)]
    read_at: Option<Timestamp>,
}

/// Mark messages as read
///
/// Marks all messages up to a given one. Repeating the request changes nothing.
#[utoipa::path(
    post,
    path = "/messages/read",
    tag = "messages",
    operation_id = "markRead",
    request_body = MarkReadBody,
    responses((status = 200, body = ItemBody<ReadStatePayload>), (status = 403), (status = 404))
)]
pub(crate) async fn mark_read(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Json(body): Json<MarkReadBody>,
) -> Result<ApiResponse<ItemBody<ReadStatePayload>>, ApiError> {
    let mut fields = Fields::default();
    let conversation_id = fields.required("conversationId", body.conversation_id, ConversationId::parse);
    let up_to = fields.required("upTo", body.up_to, MessageId::parse);
    let (Ok(conversation_id), Ok(up_to)) = (conversation_id, up_to) else {
        return Err(fields.into());
    };
    let state = messaging.mark_read(&actor, conversation_id, up_to).await?;
    Ok(ApiResponse::ok(state.into()))
}

impl From<ReadState> for ReadStatePayload {
    fn from(ReadState { counter, read_at, .. }: ReadState) -> Self {
        Self {
            unread_count: counter.unread(),
            unread_version: counter.version(),
            read_at,
        }
    }
}
