//! Counts requests and measures their duration.

use std::time::Instant;

use ::metrics::{Unit, counter, histogram};
use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    middleware::Next,
    response::Response,
};
use messaging_core::telemetry::{
    Metric,
    MetricKind::{Counter, Histogram},
};

const REQUESTS: &str = "messaging_http_requests_total";
const SECONDS: &str = "messaging_http_request_seconds";

const METHODS: &[&str] = &[
    "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "other",
];

/// All metrics of the routes. `route` is the path pattern as mounted by the host, `status` the response status.
pub const METRICS: &[Metric] = &[
    Metric::new(REQUESTS, Counter, Unit::Count, "Handled requests.").labelled(&[
        ("method", METHODS),
        ("route", &[]),
        ("status", &[]),
    ]),
    Metric::new(SECONDS, Histogram, Unit::Seconds, "Duration of requests.")
        .labelled(&[("method", METHODS), ("route", &[])]),
];

/// Counts a request and measures its duration.
#[expect(
    clippy::disallowed_methods,
    reason = "a `Clock` has milliseconds, which is too coarse for a duration"
)]
pub(super) async fn measure(request: Request, next: Next) -> Response {
    let method = method_label(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(String::new, |path| path.as_str().to_owned());
    let started = Instant::now();
    let response = next.run(request).await;
    histogram!(SECONDS, "method" => method, "route" => route.clone()).record(started.elapsed());
    let status = response.status().as_str().to_owned();
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status).increment(1);
    response
}

/// Unknown methods share one label, so that clients cannot create labels.
fn method_label(method: &Method) -> &'static str {
    let known = METHODS.iter().find(|known| **known == method.as_str());
    known.copied().unwrap_or("other")
}
