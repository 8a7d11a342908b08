//! What is put around each of our routes, and around nothing of the host's.

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

pub use measure::METRICS;

use crate::{error::ApiError, options::HttpOptions, status::Code};

/// The layers, shared by the routes of one call of [`routes`](crate::routes).
#[derive(Debug, Clone)]
pub(crate) struct Around {
    body_limit: usize,
    hints: Arc<report::Hints>,
}

impl Around {
    pub(crate) fn new(options: &HttpOptions) -> Self {
        Self {
            body_limit: options.body_limit,
            hints: Arc::default(),
        }
    }

    /// From the inside out: what is refused or breaks becomes an answer, which is logged inside the
    /// request's span, which carries the request's id.
    pub(crate) fn put_around<S: Clone + Send + Sync + 'static>(
        &self,
        methods: MethodRouter<S>,
    ) -> MethodRouter<S> {
        methods
            .fallback(async || ApiError::new(Code::MethodNotAllowed))
            .layer::<_, Infallible>(DefaultBodyLimit::max(self.body_limit))
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
            .layer::<_, Infallible>(from_fn(request_id::identify))
    }
}
