//! POST `/pusher/auth`: signing a subscription.

use axum::extract::State;
use messaging_core::{
    Authorized, ErrorKind, Messaging,
    event::{ChannelName, SocketId},
    port::channels::ChannelAuth,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, Form},
    status::Code,
};

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AuthForm {
    #[schema(value_type = SocketId, required)]
    #[serde(default)]
    socket_id: Field<String>,
    #[schema(value_type = ChannelName, required)]
    #[serde(default)]
    channel_name: Field<String>,
}

/// Sign a subscription
///
/// Answers as the client libraries expect it, without our envelope. Every refusal is the same one: a
/// channel that is not the caller's, does not exist, or is not ours.
#[utoipa::path(
    post,
    path = "/pusher/auth",
    tag = "realtime",
    operation_id = "authorizeChannel",
    request_body(content = AuthForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = ChannelAuth), (status = 403))
)]
pub(crate) async fn authorize(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Form(form): Form<AuthForm>,
) -> Result<axum::Json<ChannelAuth>, ApiError> {
    let mut fields = Fields::default();
    let socket_id = fields.required("socket_id", form.socket_id, SocketId::parse);
    let channel = fields.required("channel_name", form.channel_name, ChannelName::parse);
    let (Ok(socket_id), Ok(channel)) = (socket_id, channel) else {
        return Err(fields.into());
    };
    match messaging.authorize(&actor, &socket_id, &channel).await {
        Ok(Authorized::Signed(auth)) => Ok(axum::Json(auth)),
        Ok(Authorized::NotOurs) => Err(ApiError::new(Code::Forbidden)),
        Err(error) => Err(match error.kind() {
            ErrorKind::Forbidden { .. } | ErrorKind::NotFound => ApiError::new(Code::Forbidden),
            _ => error.into(),
        }),
    }
}
