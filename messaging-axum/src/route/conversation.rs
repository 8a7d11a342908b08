//! One conversation: seeing it, and changing who may write in it.

use axum::extract::State;
use messaging_core::{ConversationId, Messaging};

use crate::{
    answer::{Answer, Done, One},
    error::ApiError,
    extract::{Caller, PathId},
    wire::DetailsPayload,
};

/// See a conversation
///
/// With all its bookings, and who is connected.
#[utoipa::path(
    get,
    path = "/messages/conversations/{id}",
    tag = "conversations",
    operation_id = "findConversation",
    params(("id" = ConversationId, Path)),
    responses((status = 200, body = One<DetailsPayload>), (status = 404))
)]
pub(crate) async fn find(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
) -> Result<Answer<One<DetailsPayload>>, ApiError> {
    let details = messaging.find_conversation(&actor, id).await?;
    Ok(Answer::found(details.into()))
}

/// Block the other side
///
/// Its messages are refused until both sides accept them again. Repeating it changes nothing.
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
) -> Result<Done, ApiError> {
    messaging.block(&actor, id).await?;
    Ok(Done)
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
) -> Result<Done, ApiError> {
    messaging.unblock(&actor, id).await?;
    Ok(Done)
}

/// Close a conversation
///
/// Nobody can write in it until it is reopened. Repeating it changes nothing.
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
) -> Result<Done, ApiError> {
    messaging.close(&actor, id).await?;
    Ok(Done)
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
) -> Result<Done, ApiError> {
    messaging.reopen(&actor, id).await?;
    Ok(Done)
}
