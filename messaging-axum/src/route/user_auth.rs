//! POST `/pusher/user-auth`: signing in to the realtime server.

use axum::extract::State;
use messaging_core::{Messaging, event::SocketId, transport::channels::UserAuth};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, FormOrJson},
};

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct UserAuthForm {
    #[schema(value_type = SocketId, required)]
    #[serde(default)]
    socket_id: Field<String>,
}

/// Sign in to the realtime server
///
/// Then it knows whose the connection is, and access that ended is cut there, too. Takes a form or JSON, and answers as
/// the client libraries expect it, without our envelope. 404 where the realtime server has no notion of it.
#[utoipa::path(
    post,
    path = "/pusher/user-auth",
    tag = "realtime",
    operation_id = "authenticateUser",
    request_body(content(
        (UserAuthForm = "application/x-www-form-urlencoded"),
        (UserAuthForm = "application/json"),
    )),
    responses((status = 200, body = UserAuth), (status = 404))
)]
pub(crate) async fn sign_in(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    FormOrJson(form): FormOrJson<UserAuthForm>,
) -> Result<axum::Json<UserAuth>, ApiError> {
    let mut fields = Fields::default();
    let Ok(socket_id) = fields.required("socket_id", form.socket_id, SocketId::parse) else {
        return Err(fields.into());
    };
    Ok(axum::Json(messaging.sign_in(&actor, &socket_id)?))
}
