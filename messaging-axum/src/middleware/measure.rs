//! How many requests there are, and how long they take.

use std::time::Instant;

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
use metrics::{Unit, counter, histogram};

const REQUESTS: &str = "messaging_http_requests_total";
const SECONDS: &str = "messaging_http_request_seconds";

const METHODS: &[&str] = &[
    "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "other",
];

/// Every metric of the routes. `route` is the pattern of the path as the host has mounted it, `status` the answer's.
pub const METRICS: &[Metric] = &[
    Metric::new(REQUESTS, Counter, Unit::Count, "Requests answered.").labelled(&[
        ("method", METHODS),
        ("route", &[]),
        ("status", &[]),
    ]),
    Metric::new(
        SECONDS,
        Histogram,
        Unit::Seconds,
        "How long requests took to be answered.",
    )
    .labelled(&[("method", METHODS), ("route", &[])]),
];

/// Counts a request, and measures it.
#[expect(
    clippy::disallowed_methods,
    reason = "how long something took is no point in time, and a `Clock` has milliseconds"
)]
pub(super) async fn measure(request: Request, next: Next) -> Response {
    let method = name(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(String::new, |path| path.as_str().to_owned());
    let begun = Instant::now();
    let response = next.run(request).await;
    histogram!(SECONDS, "method" => method, "route" => route.clone()).record(begun.elapsed());
    let status = response.status().as_str().to_owned();
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status).increment(1);
    response
}

/// Whoever asks may make up methods, but no label.
fn name(method: &Method) -> &'static str {
    let known = METHODS.iter().find(|known| **known == method.as_str());
    known.copied().unwrap_or("other")
}
