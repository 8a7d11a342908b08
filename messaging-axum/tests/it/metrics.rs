//! Metrics of requests.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{Method, Request},
};
use messaging_axum::METRICS;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use crate::support::{TestApp, carl, eve};

/// Recorded counts by metric and label values; for histograms the number of samples.
fn recorded(snapshotter: &Snapshotter) -> BTreeMap<String, u64> {
    let recorded = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .filter_map(|(key, _, _, value)| {
            let (_, key) = key.into_parts();
            let metric = METRICS.iter().find(|metric| metric.name == key.name())?;
            let labels: Vec<_> = key.labels().map(metrics::Label::key).collect();
            let documented: Vec<_> = metric.labels.iter().map(|(name, _)| *name).collect();
            assert_eq!(labels, documented, "{key}");
            let values: Vec<_> = key.labels().map(metrics::Label::value).collect();
            let count = match value {
                DebugValue::Counter(count) => count,
                DebugValue::Histogram(values) => values.len() as u64,
                DebugValue::Gauge(_) => panic!("{key} is not a gauge"),
            };
            Some((format!("{} {}", key.name(), values.join(" ")), count))
        });
    recorded.collect()
}

#[tokio::test]
async fn requests_are_counted_by_route_pattern_and_never_by_id() {
    let recorder = DebuggingRecorder::new();
    let _here = metrics::set_default_local_recorder(&recorder);
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let other = app.open("bergsport").await;
    for (actor, id) in [(carl(), id), (carl(), other), (eve(), id)] {
        app.get(&actor, &format!("/messages/conversations/{id}")).await;
    }
    let made_up = Request::builder().method(Method::from_bytes(b"CARL").expect("a method"));
    let made_up = made_up.uri("/messages/unread").body(Body::empty());
    app.request(made_up.expect("a request")).await;
    app.get(&carl(), "/nothing/of/ours").await;

    let expected = [
        (
            "messaging_http_request_seconds GET /messages/conversations/{id}",
            3,
        ),
        ("messaging_http_request_seconds POST /messages/conversations", 2),
        ("messaging_http_request_seconds other /messages/unread", 1),
        (
            "messaging_http_requests_total GET /messages/conversations/{id} 200",
            2,
        ),
        (
            "messaging_http_requests_total GET /messages/conversations/{id} 404",
            1,
        ),
        (
            "messaging_http_requests_total POST /messages/conversations 201",
            2,
        ),
        ("messaging_http_requests_total other /messages/unread 405", 1),
    ];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(recorded(&recorder.snapshotter()), BTreeMap::from(expected));
}
