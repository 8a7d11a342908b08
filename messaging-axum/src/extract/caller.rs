use std::sync::Arc;

use axum::{
    Extension,
    extract::FromRequestParts,
    http::{Extensions, request::Parts},
};
use messaging_core::{Actor, Role, UserId};

use crate::{error::ApiError, status::Code, trouble::Trouble};

/// Who is calling: the [`Actor`] that the host's middleware put on the request; 401 without one.
#[derive(Debug)]
pub(crate) struct Caller(pub(crate) Actor);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.extensions.get::<Actor>() {
            Some(actor) => Ok(Self(actor.clone())),
            None => Err(
                ApiError::new(Code::Unauthenticated).with_trouble(Trouble::NoActor {
                    instead: instead(&parts.extensions),
                }),
            ),
        }
    }
}

/// What a host may have meant to be an actor. Extensions cannot be listed, only asked for by type.
fn instead(extensions: &Extensions) -> Option<&'static str> {
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
