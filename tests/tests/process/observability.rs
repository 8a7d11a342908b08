//! The metrics: the page documents them, and the server records them.

use std::{collections::BTreeSet, fmt::Write as _};

use messaging_core::telemetry::{self, Metric, MetricKind};
use messaging_pusher::EmbeddedChannels;
use messaging_tests::{Server, eventually};

const PAGE: &str = include_str!("../../../docs/observability.md");

fn all() -> impl Iterator<Item = &'static Metric> {
    [
        telemetry::METRICS,
        messaging_axum::METRICS,
        EmbeddedChannels::METRICS,
    ]
    .into_iter()
    .flatten()
}

fn table() -> String {
    let mut table = "| name | kind | unit | labels | what it tells |\n|---|---|---|---|---|\n".to_owned();
    for metric in all() {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let labels = metric.labels.iter().map(|(name, values)| {
            if values.is_empty() {
                format!("`{name}`")
            } else {
                format!("`{name}`: {}", values.join(", "))
            }
        });
        let labels: Vec<_> = labels.collect();
        writeln!(
            table,
            "| `{}` | {kind} | {} | {} | {} |",
            metric.name,
            metric.unit.as_str(),
            labels.join("; "),
            metric.description
        )
        .unwrap();
    }
    table
}

#[test]
fn the_observability_page_lists_all_metrics() {
    let expected = table();
    let documented = PAGE.split_once("<!-- metrics -->");
    let documented = documented.and_then(|(_, rest)| rest.split_once("<!-- /metrics -->"));
    let (documented, _) = documented.expect("the page has a place for the table");
    assert!(
        documented.trim() == expected.trim(),
        "docs/observability.md should say:\n\n{expected}"
    );
}

#[test]
fn the_server_exposes_its_metrics_to_prometheus() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let client = server.caller("client-1");
    let id = client.open("agency-1");
    client.send(&id, "hello", "hello").unwrap();
    client.send(&id, "hello", "hello").unwrap();
    let page = eventually("both events are published", || {
        let page = server.anonymous().text("/metrics");
        page.contains("\nmessaging_published_total 2\n").then_some(page)
    });
    for line in [
        "messaging_conversations_total{outcome=\"created\"} 1",
        "messaging_messages_total{origin=\"user\",outcome=\"stored\"} 1",
        "messaging_messages_total{origin=\"user\",outcome=\"repeated\"} 1",
        "messaging_http_requests_total{method=\"POST\",route=\"/api/messages\",status=\"201\"} 1",
        "messaging_http_requests_total{method=\"POST\",route=\"/api/messages\",status=\"200\"} 1",
        "messaging_http_request_seconds_count{method=\"POST\",route=\"/api/messages\"} 2",
        "messaging_events_total 4",
        "messaging_unpublished_conversations 0",
        "messaging_oldest_unpublished_seconds 0",
        "messaging_halted 0",
        "messaging_publish_seconds_count 2",
        "messaging_publish_seconds_bucket{le=\"+Inf\"} 2",
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "{line} is missing:\n{page}"
        );
    }
    // Each metric is described, and has one value per set of labels.
    let mut seen = BTreeSet::new();
    for line in page
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(seen.insert(series), "{line}");
        let name = series.split('{').next().unwrap();
        let metric = all().find(|metric| {
            let rest = name.strip_prefix(metric.name);
            rest.is_some_and(|rest| ["", "_bucket", "_sum", "_count"].contains(&rest))
        });
        let metric = metric.unwrap_or_else(|| panic!("{name} is not documented"));
        let help = format!("# HELP {} {}", metric.name, metric.description);
        assert!(page.lines().any(|found| found == help), "{help}");
    }
}
