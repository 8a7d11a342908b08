//! What is counted: through the [`metrics`] facade, to whatever recorder the host has installed, and to nothing where
//! it has none.
//!
//! No label holds an id, a name or a text: each has a few values, which are known beforehand. Tell the recorder what
//! the metrics mean with [`describe`], and set its buckets for what is measured in seconds.

use std::time::Duration;

use metrics::{Unit, counter, gauge, histogram};

use crate::{
    error::{Error, ErrorKind},
    host::rate_limit::Limited,
    relay::Health,
    store::AuditedAction,
    transport::{TransportError, TransportErrorKind},
};

/// A metric: what it is called, and what it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How it behaves.
    pub kind: MetricKind,
    /// What its values are.
    pub unit: Unit,
    /// Its labels, each with all the values that it can have.
    pub labels: &'static [(&'static str, &'static [&'static str])],
    /// What it tells.
    pub description: &'static str,
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows, from zero when the process starts.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It is a distribution.
    Histogram,
}

impl Metric {
    /// A metric without labels.
    pub const fn new(name: &'static str, kind: MetricKind, unit: Unit, description: &'static str) -> Self {
        Self {
            name,
            kind,
            unit,
            labels: &[],
            description,
        }
    }

    /// With these labels.
    pub const fn labelled(mut self, labels: &'static [(&'static str, &'static [&'static str])]) -> Self {
        self.labels = labels;
        self
    }
}

/// Tells the recorder what metrics mean: [`METRICS`], and those of the other crates.
pub fn describe(metrics: &[Metric]) {
    for metric in metrics {
        let Metric {
            name,
            unit,
            description,
            ..
        } = *metric;
        match metric.kind {
            MetricKind::Counter => metrics::describe_counter!(name, unit, description),
            MetricKind::Gauge => metrics::describe_gauge!(name, unit, description),
            MetricKind::Histogram => metrics::describe_histogram!(name, unit, description),
        }
    }
}

const MESSAGES: &str = "messaging_messages_total";
const CONVERSATIONS: &str = "messaging_conversations_total";
const READS: &str = "messaging_reads_total";
const REPORTS: &str = "messaging_reports_total";
const AUDITED: &str = "messaging_audited_total";
const REFUSED: &str = "messaging_refused_total";
const RATE_LIMITED: &str = "messaging_rate_limited_total";
const FAILURES: &str = "messaging_host_failures_total";
const CALLS: &str = "messaging_realtime_calls_total";
const EVENTS: &str = "messaging_events_total";
const PUBLISHED: &str = "messaging_published_total";
const PUBLISH_SECONDS: &str = "messaging_publish_seconds";
const RETRIED: &str = "messaging_retried_total";
const DEAD_LETTERED: &str = "messaging_dead_letters_total";
const REVOCATIONS: &str = "messaging_revocations_total";
const EMAILS: &str = "messaging_emails_total";
const NOTIFICATIONS: &str = "messaging_notifications_total";
const UNPUBLISHED: &str = "messaging_unpublished_conversations";
const OLDEST: &str = "messaging_oldest_unpublished_seconds";
const DEAD_LETTERS: &str = "messaging_dead_letters";
const HALTED: &str = "messaging_halted";

const ACTIONS: [&str; AuditedAction::ALL.len()] = {
    let mut names = [""; AuditedAction::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = AuditedAction::ALL[at].name();
        at += 1;
    }
    names
};

/// Every metric of this crate.
pub const METRICS: &[Metric] = {
    use MetricKind::{Counter, Gauge, Histogram};
    &[
        Metric::new(MESSAGES, Counter, Unit::Count, "Messages sent.").labelled(&[
            ("origin", &["user", "system"]),
            ("outcome", &["stored", "repeated"]),
        ]),
        Metric::new(CONVERSATIONS, Counter, Unit::Count, "Conversations opened.")
            .labelled(&[("outcome", &["created", "found"])]),
        Metric::new(
            READS,
            Counter,
            Unit::Count,
            "Receipts: somebody has read further.",
        ),
        Metric::new(REPORTS, Counter, Unit::Count, "Complaints made.")
            .labelled(&[("outcome", &["opened", "added"])]),
        Metric::new(AUDITED, Counter, Unit::Count, "Entries of the audit log.")
            .labelled(&[("action", &ACTIONS)]),
        Metric::new(REFUSED, Counter, Unit::Count, "Sends that were refused.").labelled(&[(
            "reason",
            &[
                "blocked",
                "closed",
                "forbidden",
                "not_found",
                "idempotency_conflict",
            ],
        )]),
        Metric::new(
            RATE_LIMITED,
            Counter,
            Unit::Count,
            "Requests refused for their rate.",
        )
        .labelled(&[("what", &["send", "open", "typing", "report"])]),
        Metric::new(
            FAILURES,
            Counter,
            Unit::Count,
            "Calls to parts of the host that failed or took too long.",
        )
        .labelled(&[(
            "part",
            &["directory", "presence", "rate_limiter", "access_policy"],
        )]),
        Metric::new(CALLS, Counter, Unit::Count, "Calls to the realtime server.").labelled(&[(
            "outcome",
            &["accepted", "refused", "busy", "down", "misconfigured"],
        )]),
        Metric::new(
            EVENTS,
            Counter,
            Unit::Count,
            "Events that the realtime server accepted; what is repeated counts again.",
        ),
        Metric::new(
            PUBLISHED,
            Counter,
            Unit::Count,
            "Outbox entries all of whose events were accepted.",
        ),
        Metric::new(
            PUBLISH_SECONDS,
            Histogram,
            Unit::Seconds,
            "From a change to the acceptance of its events.",
        ),
        Metric::new(
            RETRIED,
            Counter,
            Unit::Count,
            "Conversations whose events had to wait for another try.",
        ),
        Metric::new(
            DEAD_LETTERED,
            Counter,
            Unit::Count,
            "Outbox entries that the transport refused for good.",
        ),
        Metric::new(
            REVOCATIONS,
            Counter,
            Unit::Count,
            "Users whose subscriptions to a conversation were to end with their access.",
        )
        .labelled(&[("outcome", &["ended", "failed"])]),
        Metric::new(EMAILS, Counter, Unit::Count, "E-mails about unread messages.").labelled(&[(
            "outcome",
            &["sent", "refused", "deferred", "deferred_uncounted", "failed"],
        )]),
        Metric::new(NOTIFICATIONS, Counter, Unit::Count, "Notifications of devices.")
            .labelled(&[("outcome", &["sent", "failed"])]),
        Metric::new(
            UNPUBLISHED,
            Gauge,
            Unit::Count,
            "Conversations with unpublished events, of all processes.",
        ),
        Metric::new(
            OLDEST,
            Gauge,
            Unit::Seconds,
            "Age of the oldest unpublished event, of all processes.",
        ),
        Metric::new(
            DEAD_LETTERS,
            Gauge,
            Unit::Count,
            "Dead letters in the store, of all processes.",
        ),
        Metric::new(
            HALTED,
            Gauge,
            Unit::Count,
            "1 while the realtime server does not accept our credentials, 0 otherwise.",
        ),
    ]
};

/// A part of the host that is asked for what is never needed to go on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HostPart {
    Directory,
    Presence,
    RateLimiter,
    AccessPolicy,
}

/// What became of an e-mail.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mailed {
    Sent,
    Refused,
    Deferred,
    /// By a server that may defer everybody.
    DeferredUncounted,
    Failed,
}

pub(crate) fn sent(is_of_user: bool, is_new: bool) {
    let origin = if is_of_user { "user" } else { "system" };
    let outcome = if is_new { "stored" } else { "repeated" };
    counter!(MESSAGES, "origin" => origin, "outcome" => outcome).increment(1);
}

/// A send that did not succeed, where that was decided on and not a failure.
pub(crate) fn send_refused(error: &Error) {
    let reason = match error.kind() {
        ErrorKind::Blocked => "blocked",
        ErrorKind::Closed => "closed",
        ErrorKind::Forbidden { .. } => "forbidden",
        ErrorKind::NotFound => "not_found",
        ErrorKind::IdempotencyConflict => "idempotency_conflict",
        _ => return,
    };
    counter!(REFUSED, "reason" => reason).increment(1);
}

pub(crate) fn opened(is_new: bool) {
    let outcome = if is_new { "created" } else { "found" };
    counter!(CONVERSATIONS, "outcome" => outcome).increment(1);
}

pub(crate) fn read() {
    counter!(READS).increment(1);
}

pub(crate) fn reported(is_new: bool) {
    let outcome = if is_new { "opened" } else { "added" };
    counter!(REPORTS, "outcome" => outcome).increment(1);
}

pub(crate) fn audited(action: AuditedAction) {
    counter!(AUDITED, "action" => action.name()).increment(1);
}

pub(crate) fn rate_limited(what: Limited) {
    let what = match what {
        Limited::Send => "send",
        Limited::Open => "open",
        Limited::Typing => "typing",
        Limited::Report => "report",
    };
    counter!(RATE_LIMITED, "what" => what).increment(1);
}

pub(crate) fn host_failed(part: HostPart) {
    let part = match part {
        HostPart::Directory => "directory",
        HostPart::Presence => "presence",
        HostPart::RateLimiter => "rate_limiter",
        HostPart::AccessPolicy => "access_policy",
    };
    counter!(FAILURES, "part" => part).increment(1);
}

/// A call to the transport has ended.
pub(crate) fn called(events: usize, ended: &Result<(), TransportError>) {
    let outcome = match ended.as_ref().map_err(TransportError::kind) {
        Ok(()) => "accepted",
        Err(TransportErrorKind::Refused) => "refused",
        Err(TransportErrorKind::Busy { .. } | TransportErrorKind::Deferred { .. }) => "busy",
        Err(TransportErrorKind::Unavailable | TransportErrorKind::OutcomeUnknown) => "down",
        Err(TransportErrorKind::Misconfigured) => "misconfigured",
    };
    counter!(CALLS, "outcome" => outcome).increment(1);
    if ended.is_ok() {
        counter!(EVENTS).increment(wide(events));
    }
}

/// All events of an outbox entry were accepted, so long after the change.
pub(crate) fn published(took: Duration) {
    counter!(PUBLISHED).increment(1);
    histogram!(PUBLISH_SECONDS).record(took.as_secs_f64());
}

pub(crate) fn retried(lanes: usize) {
    counter!(RETRIED).increment(wide(lanes));
}

pub(crate) fn dead_letter() {
    counter!(DEAD_LETTERED).increment(1);
}

pub(crate) fn mailed(outcome: Mailed) {
    let outcome = match outcome {
        Mailed::Sent => "sent",
        Mailed::Refused => "refused",
        Mailed::Deferred => "deferred",
        Mailed::DeferredUncounted => "deferred_uncounted",
        Mailed::Failed => "failed",
    };
    counter!(EMAILS, "outcome" => outcome).increment(1);
}

pub(crate) fn revoked(is_ended: bool) {
    let outcome = if is_ended { "ended" } else { "failed" };
    counter!(REVOCATIONS, "outcome" => outcome).increment(1);
}

pub(crate) fn notified(is_sent: bool) {
    let outcome = if is_sent { "sent" } else { "failed" };
    counter!(NOTIFICATIONS, "outcome" => outcome).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "as precise as gauges are")]
pub(crate) fn health(health: &Health) {
    gauge!(UNPUBLISHED).set(health.backlog.lanes as f64);
    gauge!(OLDEST).set(health.oldest_unpublished.unwrap_or_default().as_secs_f64());
    gauge!(DEAD_LETTERS).set(health.backlog.dead_letters as f64);
    gauge!(HALTED).set(if health.halted { 1.0 } else { 0.0 });
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
