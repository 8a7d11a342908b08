//! Reading the metrics of this thread.

use std::{collections::BTreeMap, fmt::Write as _};

use messaging_core::telemetry::{METRICS, Metric, MetricKind};
use metrics_util::{
    MetricKind as Recorded,
    debugging::{DebugValue, DebuggingRecorder, Snapshotter},
};

/// Records the metrics of this thread until dropped.
pub(crate) struct Counted {
    snapshotter: Snapshotter,
    _here: metrics::LocalRecorderGuard<'static>,
}

impl Counted {
    pub(crate) fn begin() -> Self {
        // Lives as long as the guard, which lives as long as the test.
        let recorder: &'static DebuggingRecorder = Box::leak(Box::default());
        Self {
            snapshotter: recorder.snapshotter(),
            _here: metrics::set_default_local_recorder(recorder),
        }
    }

    /// Returns the values since the last call, by metric and labels: `name`, or `name label=value …`. Panics
    /// if a metric differs from its documentation.
    pub(crate) fn take(&self) -> BTreeMap<String, Vec<f64>> {
        let mut taken = BTreeMap::new();
        for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
            let (kind, key) = key.into_parts();
            let metric = METRICS.iter().find(|metric| metric.name == key.name());
            let metric = metric.unwrap_or_else(|| panic!("{} is not documented", key.name()));
            let mut name = key.name().to_owned();
            assert_eq!(key.labels().count(), metric.labels.len(), "{key}");
            for label in key.labels() {
                assert!(allows(metric, label.key(), label.value()), "{key}");
                write!(name, " {}={}", label.key(), label.value()).unwrap();
            }
            let values = match (kind, metric.kind, value) {
                (Recorded::Counter, MetricKind::Counter, DebugValue::Counter(0)) => continue,
                #[expect(clippy::cast_precision_loss, reason = "a test counts to ten")]
                (Recorded::Counter, MetricKind::Counter, DebugValue::Counter(count)) => vec![count as f64],
                (Recorded::Gauge, MetricKind::Gauge, DebugValue::Gauge(value)) => vec![value.0],
                (Recorded::Histogram, MetricKind::Histogram, DebugValue::Histogram(values)) => {
                    values.into_iter().map(|value| value.0).collect()
                }
                other => panic!("{name} is documented as another kind: {other:?}"),
            };
            taken.insert(name, values);
        }
        taken
    }
}

fn allows(metric: &Metric, key: &str, value: &str) -> bool {
    let label = metric.labels.iter().find(|(name, _)| *name == key);
    label.is_some_and(|(_, values)| values.contains(&value))
}
