use std::sync::Arc;

use axum::{
    Extension,
    extract::FromRequestParts,
    http::{Extensions, request::Parts},
};
use messaging_core::{Actor, Role, UserId};

use crate::{error::ApiError, error_response::ErrorResponse, failure::Failure, status::Code};

/// The caller: the [`Actor`] that the host's middleware inserted into the request. Rejects with 401 `unauthenticated` if
/// there is none, as our routes do. For a host's own handlers, too:
///
/// ```
/// use messaging_axum::Caller;
///
/// async fn who_am_i(Caller(me): Caller) -> String {
///     me.user_id().to_string()
/// }
/// # let _: axum::Router = axum::Router::new().route("/me", axum::routing::get(who_am_i));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(pub Actor);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ErrorResponse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ErrorResponse> {
        match parts.extensions.get::<Actor>() {
            Some(actor) => Ok(Self(actor.clone())),
            None => Err(ErrorResponse::new(
                ApiError::new(Code::Unauthenticated).with_failure(Failure::MissingActor {
                    found: misplaced_actor(&parts.extensions),
                }),
            )),
        }
    }
}

/// The type that the host probably inserted instead of an actor. Extensions cannot be listed, only queried by type.
fn misplaced_actor(extensions: &Extensions) -> Option<&'static str> {
    if extensions.get::<Extension<Actor>>().is_some() {
        Some("Extension<Actor>")
    } else if extensions.get::<Arc<Actor>>().is_some() {
        Some("Arc<Actor>")
    } else if matches!(extensions.get::<Option<Actor>>(), Some(Some(_))) {
        Some("Option<Actor>")
    } else if extensions.get::<UserId>().is_some() {
        Some("UserId")
    } else if extensions.get::<Role>().is_some() {
        Some("Role")
    } else {
        None
    }
}
