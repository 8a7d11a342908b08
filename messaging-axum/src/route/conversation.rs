//! Reading, blocking and closing one conversation.

use axum::extract::State;
use messaging_core::{ConversationId, Messaging};

use crate::{
    error::ApiError,
    extract::{Caller, PathId},
    response::{ApiResponse, ItemBody, NoContent},
    wire::DetailsPayload,
};

/// Get a conversation
///
/// With all its bookings and the presence of both sides.
#[utoipa::path(
    get,
    path = "/messages/conversations/{id}",
    tag = "conversations",
    operation_id = "findConversation",
    params(("id" = ConversationId, Path)),
    responses((status = 200, body = ItemBody<DetailsPayload>), (status = 404))
)]
pub(crate) async fn find(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
) -> Result<ApiResponse<ItemBody<DetailsPayload>>, ApiError> {
    let details = messaging.find_conversation(&actor, id).await?;
    Ok(ApiResponse::ok(details.into()))
}

/// Block the other side
///
/// The other side's messages are refused until the caller's side unblocks it. The caller's side can still send. Repeating
/// the request changes nothing.
#[utoipa::path(
    put,
    path = "/messages/conversations/{id}/block",
    tag = "conversations",
    operation_id = "block",
    params(("id" = ConversationId, Path)),
    responses((status = 204), (status = 403), (status = 404))
)]
pub(crate) async fn block(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
) -> Result<NoContent, ApiError> {
    messaging.block(&actor, id).await?;
    Ok(NoContent)
}

/// Unblock the other side
#[utoipa::path(
    delete,
    path = "/messages/conversations/{id}/block",
    tag = "conversations",
    operation_id = "unblock",
    params(("id" = ConversationId, Path)),
    responses((status = 204), (status = 403), (status = 404))
)]
pub(crate) async fn unblock(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
) -> Result<NoContent, ApiError> {
    messaging.unblock(&actor, id).await?;
    Ok(NoContent)
}

/// Close a conversation
///
/// No messages are accepted until it is reopened. Repeating the request changes nothing.
#[utoipa::path(
    put,
    path = "/messages/admin/conversations/{id}/close",
    tag = "admin",
    operation_id = "close",
    params(("id" = ConversationId, Path)),
    responses((status = 204), (status = 403), (status = 404))
)]
pub(crate) async fn close(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
) -> Result<NoContent, ApiError> {
    messaging.admin(&actor)?.close(id).await?;
    Ok(NoContent)
}

/// Reopen a conversation
#[utoipa::path(
    delete,
    path = "/messages/admin/conversations/{id}/close",
    tag = "admin",
    operation_id = "reopen",
    params(("id" = ConversationId, Path)),
    responses((status = 204), (status = 403), (status = 404))
)]
pub(crate) async fn reopen(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
) -> Result<NoContent, ApiError> {
    messaging.admin(&actor)?.reopen(id).await?;
    Ok(NoContent)
}
