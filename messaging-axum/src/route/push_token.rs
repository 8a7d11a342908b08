//! GET `/pusher/beams-auth`: the token with which a device is its user's.

use axum::extract::State;
use messaging_core::{Messaging, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, Query},
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TokenQuery {
    user_id: Field<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Token {
    token: String,
}

/// Answers as the client library expects it, without our envelope.
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
