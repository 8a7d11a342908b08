//! Logs each failure once, with the request id and without the request's content.

use std::{
    any::Any,
    sync::{Arc, Once},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::request_id::RequestId;
use crate::{error::ApiError, failure::Failure, status::Code};

/// Hints for the host's developer, each logged once.
#[derive(Debug)]
pub(super) struct Hints {
    no_actor: Once,
    another_type: Once,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            no_actor: Once::new(),
            another_type: Once::new(),
        }
    }
}

/// Logs the failure attached to a response. The response to an internal error contains the request id.
pub(super) async fn log_failure(State(hints): State<Arc<Hints>>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let mut response = next.run(request).await;
    let id = id.as_ref().map(tracing::field::display);
    match response.extensions_mut().remove::<Failure>() {
        None => response,
        Some(Failure::Unavailable(error)) => {
            let error: &dyn std::error::Error = &*error;
            tracing::warn!(
                request_id = id,
                error,
                "request failed because a dependency is unavailable; the client is asked to retry"
            );
            response
        }
        Some(Failure::Defect(error)) => {
            let error: &dyn std::error::Error = &*error;
            tracing::error!(
                request_id = id,
                error,
                "request failed with an internal error; the response carries the request id"
            );
            internal_error(id)
        }
        Some(Failure::Panic) => {
            tracing::error!(
                request_id = id,
                "request handler panicked; the response carries the request id"
            );
            internal_error(id)
        }
        Some(Failure::MissingActor { found }) => {
            hints.log(found);
            response
        }
    }
}

/// The response for a panicked handler. The panic message is left to the panic hook: it may quote a message text.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::new(Code::Internal)
        .with_failure(Failure::Panic)
        .into_response()
}

fn internal_error(id: Option<impl std::fmt::Display>) -> Response {
    let error = ApiError::new(Code::Internal);
    let error = match id {
        Some(id) => error.with_message(format!(
            "Something went wrong on our side. Please report it with this id: {id}"
        )),
        None => error,
    };
    error.into_response()
}

impl Hints {
    fn log(&self, found: Option<&'static str>) {
        match found {
            Some(found) => self.another_type.call_once(|| {
                tracing::warn!(
                    "request carries `{found}` and no actor and is refused with 401; insert a \
                     `messaging_core::Actor` itself into the request's extensions"
                );
            }),
            None => self.no_actor.call_once(|| {
                tracing::info!(
                    "request carries no actor and is refused with 401; if its user is signed in, insert a \
                     `messaging_core::Actor` into the request's extensions in a layer around these routes, and \
                     check that both use the same version of messaging-core"
                );
            }),
        }
    }
}
