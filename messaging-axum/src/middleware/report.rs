//! What goes wrong is logged once, here, with the id of the request and never with what was said in it.

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
use crate::{error::ApiError, status::Code, trouble::Trouble};

/// Hints for the host's developer; each is given once.
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

/// Logs what went wrong. An answer to a defect says under which id it was logged.
pub(super) async fn report(State(hints): State<Arc<Hints>>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let mut response = next.run(request).await;
    let id = id.as_ref().map(tracing::field::display);
    match response.extensions_mut().remove::<Trouble>() {
        None => response,
        Some(Trouble::Unavailable(error)) => {
            let error: &dyn std::error::Error = &*error;
            tracing::warn!(request_id = id, error, "a request could not be served");
            response
        }
        Some(Trouble::Defect(error)) => {
            let error: &dyn std::error::Error = &*error;
            tracing::error!(request_id = id, error, "a request met a defect");
            defect(id)
        }
        Some(Trouble::Panic) => {
            tracing::error!(request_id = id, "a request made a handler panic");
            defect(id)
        }
        Some(Trouble::NoActor { instead }) => {
            hints.give(instead);
            response
        }
    }
}

/// The answer for a handler that panicked. What it said is left to the panic hook: it may quote a message.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::new(Code::Internal)
        .with_trouble(Trouble::Panic)
        .into_response()
}

fn defect(id: Option<impl std::fmt::Display>) -> Response {
    let error = ApiError::new(Code::Internal);
    let error = match id {
        Some(id) => error.with_sentence(format!(
            "Something went wrong on our side. Please report it with this id: {id}"
        )),
        None => error,
    };
    error.into_response()
}

impl Hints {
    fn give(&self, instead: Option<&'static str>) {
        match instead {
            Some(instead) => self.another_type.call_once(|| {
                tracing::warn!(
                    "a request carries `{instead}` and no actor: insert a `messaging_core::Actor` itself into \
                     the request's extensions"
                );
            }),
            None => self.no_actor.call_once(|| {
                tracing::info!(
                    "a request carries no actor: if its user is signed in, insert a `messaging_core::Actor` \
                     into the request's extensions, in a layer around these routes, and see that both use \
                     the same version of messaging-core"
                );
            }),
        }
    }
}
