//! POST `/pusher/user-auth`: signs the caller in to the realtime server.

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
/// The realtime server then knows the user of the connection and can revoke access. Accepts a form or JSON. The
/// response has the form that the client libraries expect, without the standard envelope. 404 if the realtime server
/// does not support signing in.
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
