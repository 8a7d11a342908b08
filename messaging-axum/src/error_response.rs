use std::{error::Error, fmt, sync::Arc};

use axum::response::{IntoResponse, Response};
use messaging_core::store::StoreError;

use crate::{
    error::{ApiError, FieldError},
    failure::Failure,
    status::Code,
};

/// The error response of a host's own handler, the same as that of our routes: status, body with its stable code, and
/// `Retry-After` where there is one.
///
/// Any error converts into it by `?`. The error of a use case ([`messaging_core::Error`]) or of a store ([`StoreError`],
/// from `open_in_transaction`) keeps its meaning: 403 `conversation_blocked`, 429 `rate_limited`, 503 `unavailable` and
/// so on. Any other error, such as a database driver's, is 500 `internal`. So is an invalid id or text: it may come from
/// the host's own tables. If it comes from the caller, [`invalid_field`](Self::invalid_field) makes it a 400.
///
/// A 500 or 503 is logged once, with its cause, when the response is made. The response contains no text of an internal
/// error.
///
/// ```
/// use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
/// use messaging_axum::{Caller, ErrorResponse};
/// use messaging_core::{AgentId, Messaging, OpenConversation};
///
/// async fn book(
///     Caller(me): Caller,
///     State(messaging): State<Messaging>,
///     Json(agent): Json<String>,
/// ) -> Result<StatusCode, ErrorResponse> {
///     let agent_id = AgentId::parse(agent).map_err(|error| ErrorResponse::invalid_field("agent", error))?;
///     let receipt = std::fs::read("receipt")?; // 500 `internal`
///     let open = OpenConversation::new(agent_id);
///     messaging.open_conversation(&me, &open).await?; // 403 `forbidden` unless the caller is a client
/// #   drop(receipt);
///     Ok(StatusCode::CREATED)
/// }
///
/// # fn app(messaging: Messaging) -> Router {
/// Router::new().route("/bookings", post(book)).with_state(messaging)
/// # }
/// ```
pub struct ErrorResponse(ApiError);

impl ErrorResponse {
    pub(crate) fn new(error: ApiError) -> Self {
        Self(error)
    }

    /// 400 `validation_failed` for one field of the caller's request. `reason` follows the field's name in the sentence
    /// for people, as the errors of [`Body::parse`](messaging_core::Body::parse) and of the ids do: *must be …*. It is
    /// sent to the caller and not logged.
    pub fn invalid_field(field: &'static str, reason: impl fmt::Display) -> Self {
        let message = reason.to_string().into();
        Self(ApiError::validation(vec![FieldError { field, message }]))
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for ErrorResponse {
    fn from(error: E) -> Self {
        let error: Box<dyn Error + Send + Sync> = Box::new(error);
        let error = error
            .downcast::<messaging_core::Error>()
            .map(|error| ApiError::from(*error))
            .or_else(|error| {
                let error = error.downcast::<StoreError>()?;
                Ok(messaging_core::Error::from_store(*error).into())
            });
        Self(error.unwrap_or_else(|error: Box<dyn Error + Send + Sync>| {
            ApiError::new(Code::Internal).with_failure(Failure::Defect(Arc::from(error)))
        }))
    }
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        if let Some(failure) = self.0.failure() {
            log(failure);
        }
        self.0.into_response()
    }
}

/// Logs a failure of a host's handler. The middleware of our routes, which logs theirs, is not around it.
fn log(failure: &Failure) {
    match failure {
        Failure::Unavailable(error) => {
            let error: &dyn Error = &**error;
            tracing::warn!(
                error,
                "request failed because a dependency is unavailable; the client is asked to retry"
            );
        }
        Failure::Defect(error) => {
            let error: &dyn Error = &**error;
            tracing::error!(
                error,
                "request failed with an internal error; the response is 500"
            );
        }
        // The middleware logs both: a hint once, and panics of our routes.
        Failure::MissingActor { .. } | Failure::Panic => {}
    }
}

impl fmt::Debug for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ErrorResponse").field(&self.0).finish()
    }
}
