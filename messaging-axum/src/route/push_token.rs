//! GET `/pusher/beams-auth`: issues the token with which a device registers for its user.

use axum::extract::State;
use messaging_core::{Messaging, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, Query},
};

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct TokenQuery {
    /// The caller's user id.
    #[param(value_type = UserId, required = true)]
    user_id: Field<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PushToken)]
pub(crate) struct Token {
    /// A JSON Web Token.
    token: String,
}

/// Get a push notification token
///
/// A device registers for its user with this token. The response has the form that the client library expects, without
/// the standard envelope.
#[utoipa::path(
    get,
    path = "/pusher/beams-auth",
    tag = "realtime",
    operation_id = "pushToken",
    params(TokenQuery),
    responses((status = 200, body = Token), (status = 403), (status = 404))
)]
pub(crate) async fn token(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<TokenQuery>,
) -> Result<axum::Json<Token>, ApiError> {
    let mut fields = Fields::default();
    let Ok(user_id) = fields.required("user_id", query.user_id, UserId::parse) else {
        return Err(fields.into());
    };
    let token = messaging.push_token(&actor, &user_id)?;
    Ok(axum::Json(Token { token }))
}
