//! The middleware of each of our routes; none of it is on a route of the host.

mod body;
mod completion;
mod measure;
mod report;
mod request_id;
mod span;

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::MethodRouter,
};
use tower_http::{catch_panic::CatchPanicLayer, trace::TraceLayer};

pub(crate) use body::{BodyFrom, Unread};
pub use measure::METRICS;

use crate::{error::ApiError, options::HttpOptions, status::Code};

/// The layers, shared by the routes of one call of [`routes`](crate::routes).
#[derive(Debug, Clone)]
pub(crate) struct Middleware {
    options: HttpOptions,
    hints: Arc<report::Hints>,
}

impl Middleware {
    pub(crate) fn new(options: &HttpOptions) -> Self {
        Self {
            options: *options,
            hints: Arc::default(),
        }
    }

    /// From the inside out: what is refused or breaks becomes an answer, which is logged inside the
    /// request's span, which carries the request's id. What waits for the client is outside of what is carried out to
    /// its end.
    pub(crate) fn apply<S: Clone + Send + Sync + 'static>(
        &self,
        methods: MethodRouter<S>,
        bodies: BodyFrom,
    ) -> MethodRouter<S> {
        methods
            .fallback(async || ApiError::new(Code::MethodNotAllowed))
            // What arrives inside has been read within the limit.
            .layer::<_, Infallible>(DefaultBodyLimit::disable())
            .layer::<_, Infallible>(CatchPanicLayer::custom(report::panicked))
            .layer::<_, Infallible>(from_fn_with_state(self.hints.clone(), report::report))
            .layer::<_, Infallible>(
                TraceLayer::new_for_http()
                    .make_span_with(span::begun)
                    .on_response(span::answered)
                    .on_request(())
                    .on_body_chunk(())
                    .on_eos(())
                    .on_failure(()),
            )
            .layer::<_, Infallible>(from_fn(measure::measure))
            .layer::<_, Infallible>(from_fn(completion::complete))
            .layer::<_, Infallible>(from_fn_with_state(
                body::Limits::new(&self.options, bodies),
                body::read,
            ))
            .layer::<_, Infallible>(from_fn(request_id::identify))
    }
}
