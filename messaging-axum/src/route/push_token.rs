//! GET `/pusher/beams-auth`: the token with which a device is its user's.

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
    /// The caller's own.
    #[param(value_type = UserId, required = true)]
    user_id: Field<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PushToken)]
pub(crate) struct Token {
    /// A JSON Web Token.
    token: String,
}

/// Get a token for notifications
///
/// With it a device is its user's. Answers as the client library expects it, without our envelope.
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
