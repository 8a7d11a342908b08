//! What a monitoring system asks, in the text format of Prometheus.

use std::fmt::{Display, Write as _};

use axum::{extract::State, http::header::CONTENT_TYPE, response::IntoResponse};
use messaging_core::{Health, Latency, Messaging, Metrics};

/// `GET /metrics`: what this process has published, and what waits in the store; without the latter when the
/// store cannot say.
pub(crate) async fn show(State(messaging): State<Messaging>) -> impl IntoResponse {
    let health = messaging.health().await.ok();
    let text = text(&messaging.metrics(), health.as_ref());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

fn text(metrics: &Metrics, health: Option<&Health>) -> String {
    let mut page = Page::default();
    page.counter("calls_total", "Calls to the realtime server.", metrics.calls);
    page.counter(
        "events_total",
        "Events that the realtime server accepted.",
        metrics.events,
    );
    page.counter("published_total", "Outbox entries published.", metrics.published);
    page.counter(
        "retried_total",
        "Lanes that had to wait for another try.",
        metrics.retried,
    );
    page.counter("set_aside_total", "Outbox entries set aside.", metrics.set_aside);
    page.latency(
        "publish_seconds",
        "From the change to the acceptance of its events.",
        &metrics.latency,
    );
    if let Some(health) = health {
        let oldest = health.oldest_unpublished.unwrap_or_default().as_secs_f64();
        page.gauge(
            "unpublished_conversations",
            "Conversations with unpublished events.",
            health.backlog.lanes,
        );
        page.gauge(
            "oldest_unpublished_seconds",
            "Age of the oldest unpublished event.",
            oldest,
        );
        page.gauge(
            "events_set_aside",
            "Events that are set aside.",
            health.backlog.set_aside,
        );
        page.gauge(
            "halted",
            "Whether our credentials are not accepted.",
            u8::from(health.halted),
        );
    }
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "counter");
        self.line(name, "", &value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "gauge");
        self.line(name, "", &value);
    }

    fn latency(&mut self, name: &str, help: &str, latency: &Latency) {
        self.head(name, help, "histogram");
        let mut so_far = 0;
        let bounds = Latency::BOUNDS.map(|bound| bound.as_secs_f64().to_string());
        for (bound, count) in bounds
            .iter()
            .map(String::as_str)
            .chain(["+Inf"])
            .zip(latency.counts())
        {
            so_far += count;
            self.line(&format!("{name}_bucket"), &format!("{{le=\"{bound}\"}}"), &so_far);
        }
        self.line(&format!("{name}_sum"), "", &latency.sum().as_secs_f64());
        self.line(&format!("{name}_count"), "", &so_far);
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        writeln!(
            self.0,
            "# HELP messaging_{name} {help}\n# TYPE messaging_{name} {kind}"
        )
        .ok();
    }

    fn line(&mut self, name: &str, labels: &str, value: &dyn Display) {
        writeln!(self.0, "messaging_{name}{labels} {value}").ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_add_up_and_every_line_is_a_metric_or_says_what_one_is() {
        let text = text(&Metrics::default(), None);
        let buckets = text.lines().filter(|line| line.contains("_bucket{le=")).count();
        assert_eq!(buckets, Latency::BOUNDS.len() + 1);
        assert!(text.contains("messaging_publish_seconds_bucket{le=\"0.005\"} 0\n"));
        assert!(text.contains("messaging_publish_seconds_bucket{le=\"+Inf\"} 0\n"));
        for line in text.lines() {
            let value = line.rsplit(' ').next().unwrap();
            assert!(line.starts_with("# ") || value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
