//! The middleware of these routes; none of it applies to the host's routes.

mod body;
mod completion;
mod log_failures;
mod metrics;
mod request_id;
mod span;

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::MethodRouter,
};
use tower_http::{catch_panic::CatchPanicLayer, trace::TraceLayer};

pub(crate) use body::{BodyAccess, BodyError};
pub use metrics::METRICS;

use crate::{error::ApiError, options::HttpOptions, status::Code};

/// The layers shared by the routes of one call of [`routes`](crate::routes).
#[derive(Debug, Clone)]
pub(crate) struct Middleware {
    options: HttpOptions,
    hints: Arc<log_failures::Hints>,
}

impl Middleware {
    pub(crate) fn new(options: &HttpOptions) -> Self {
        Self {
            options: *options,
            hints: Arc::default(),
        }
    }

    /// Applies the layers, innermost first. Errors and panics become responses, which are logged inside the request's
    /// span, which carries the request id. Reading the body is outside of the spawned task, because it waits for the
    /// client.
    pub(crate) fn apply<S: Clone + Send + Sync + 'static>(
        &self,
        methods: MethodRouter<S>,
        access: BodyAccess,
    ) -> MethodRouter<S> {
        methods
            .fallback(async || ApiError::new(Code::MethodNotAllowed))
            // `body::read` has already applied the limit.
            .layer::<_, Infallible>(DefaultBodyLimit::disable())
            .layer::<_, Infallible>(CatchPanicLayer::custom(log_failures::panicked))
            .layer::<_, Infallible>(from_fn_with_state(self.hints.clone(), log_failures::log_failure))
            .layer::<_, Infallible>(
                TraceLayer::new_for_http()
                    .make_span_with(span::make_span)
                    .on_response(span::record_response)
                    .on_request(())
                    .on_body_chunk(())
                    .on_eos(())
                    .on_failure(()),
            )
            .layer::<_, Infallible>(from_fn(metrics::measure))
            .layer::<_, Infallible>(from_fn(completion::run_to_completion))
            .layer::<_, Infallible>(from_fn_with_state(
                body::BodyLimits::new(&self.options, access),
                body::read,
            ))
            .layer::<_, Infallible>(from_fn(request_id::set_request_id))
    }
}
