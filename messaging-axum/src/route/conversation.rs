//! One conversation: seeing it, and changing who may write in it.

use axum::extract::State;
use messaging_core::{ConversationId, Messaging};

use crate::{
    answer::{Answer, Done},
    error::ApiError,
    extract::{Caller, PathId},
    wire::DetailsPayload,
};

/// GET `/messages/conversations/{id}`.
pub(crate) async fn find(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
) -> Result<Answer<DetailsPayload>, ApiError> {
    let details = messaging.find_conversation(&actor, id).await?;
    Ok(Answer::found(details.into()))
}

/// PUT `/messages/conversations/{id}/block`: refuses the other side's messages.
pub(crate) async fn block(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
) -> Result<Done, ApiError> {
    messaging.block(&actor, id).await?;
    Ok(Done)
}

/// DELETE `/messages/conversations/{id}/block`: accepts them again.
pub(crate) async fn unblock(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
) -> Result<Done, ApiError> {
    messaging.unblock(&actor, id).await?;
    Ok(Done)
}

/// PUT `/messages/admin/conversations/{id}/close`: stops both sides from writing.
pub(crate) async fn close(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
) -> Result<Done, ApiError> {
    messaging.close(&actor, id).await?;
    Ok(Done)
}

/// DELETE `/messages/admin/conversations/{id}/close`: lets them write again.
pub(crate) async fn reopen(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
) -> Result<Done, ApiError> {
    messaging.reopen(&actor, id).await?;
    Ok(Done)
}
