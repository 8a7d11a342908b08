//! Every metric of this crate: name, kind, unit, labels and description.

use metrics::Unit;

use super::{
    CallOutcome, HostPart, Mailed, Metric,
    MetricKind::{Counter, Gauge, Histogram},
    OpenOutcome, PushOutcome, RateLimited, ReportOutcome, RevocationOutcome, SendOutcome, SendRefusal,
    SentBy,
    label::ACTIONS,
};

pub(super) const MESSAGES: Metric =
    Metric::new("messaging_messages_total", Counter, Unit::Count, "Messages sent.")
        .labelled(&[SentBy::VALUES, SendOutcome::VALUES]);

pub(super) const CONVERSATIONS: Metric = Metric::new(
    "messaging_conversations_total",
    Counter,
    Unit::Count,
    "Conversations opened.",
)
.labelled(&[OpenOutcome::VALUES]);

pub(super) const READS: Metric = Metric::new("messaging_reads_total", Counter, Unit::Count, "Read receipts.");

pub(super) const REPORTS: Metric = Metric::new(
    "messaging_reports_total",
    Counter,
    Unit::Count,
    "Complaints made.",
)
.labelled(&[ReportOutcome::VALUES]);

pub(super) const AUDITED: Metric = Metric::new(
    "messaging_audited_total",
    Counter,
    Unit::Count,
    "Entries of the audit log.",
)
.labelled(&[ACTIONS]);

pub(super) const REFUSED: Metric = Metric::new(
    "messaging_refused_total",
    Counter,
    Unit::Count,
    "Sends that were refused.",
)
.labelled(&[SendRefusal::VALUES]);

pub(super) const RATE_LIMITED: Metric = Metric::new(
    "messaging_rate_limited_total",
    Counter,
    Unit::Count,
    "Requests refused by a rate limit.",
)
.labelled(&[RateLimited::VALUES]);

pub(super) const FAILURES: Metric = Metric::new(
    "messaging_host_failures_total",
    Counter,
    Unit::Count,
    "Calls to the host that failed or timed out.",
)
.labelled(&[HostPart::VALUES]);

pub(super) const CALLS: Metric = Metric::new(
    "messaging_realtime_calls_total",
    Counter,
    Unit::Count,
    "Calls to the realtime server.",
)
.labelled(&[CallOutcome::VALUES]);

pub(super) const EVENTS: Metric = Metric::new(
    "messaging_events_total",
    Counter,
    Unit::Count,
    "Events that the realtime server accepted; repetitions count again.",
);

pub(super) const PUBLISHED: Metric = Metric::new(
    "messaging_published_total",
    Counter,
    Unit::Count,
    "Published outbox entries.",
);

pub(super) const PUBLISH_SECONDS: Metric = Metric::new(
    "messaging_publish_seconds",
    Histogram,
    Unit::Seconds,
    "Time from a change to the acceptance of its events.",
);

pub(super) const RETRIED: Metric = Metric::new(
    "messaging_retried_total",
    Counter,
    Unit::Count,
    "Lanes deferred to a later try.",
);

pub(super) const DEAD_LETTERED: Metric = Metric::new(
    "messaging_dead_letters_total",
    Counter,
    Unit::Count,
    "Outbox entries moved to the dead letters.",
);

pub(super) const REVOCATIONS: Metric = Metric::new(
    "messaging_revocations_total",
    Counter,
    Unit::Count,
    "Revocations of users whose access to a conversation ended.",
)
.labelled(&[RevocationOutcome::VALUES]);

pub(super) const EMAILS: Metric =
    Metric::new("messaging_emails_total", Counter, Unit::Count, "Digest e-mails.")
        .labelled(&[Mailed::VALUES]);

pub(super) const NOTIFICATIONS: Metric = Metric::new(
    "messaging_notifications_total",
    Counter,
    Unit::Count,
    "Push notifications.",
)
.labelled(&[PushOutcome::VALUES]);

pub(super) const UNPUBLISHED: Metric = Metric::new(
    "messaging_unpublished_conversations",
    Gauge,
    Unit::Count,
    "Conversations with unpublished events, of all processes.",
);

pub(super) const OLDEST: Metric = Metric::new(
    "messaging_oldest_unpublished_seconds",
    Gauge,
    Unit::Seconds,
    "Age of the oldest unpublished event, of all processes.",
);

pub(super) const DEAD_LETTERS: Metric = Metric::new(
    "messaging_dead_letters",
    Gauge,
    Unit::Count,
    "Dead letters in the store, of all processes.",
);

pub(super) const HALTED: Metric = Metric::new(
    "messaging_halted",
    Gauge,
    Unit::Count,
    "1 while publishing is stopped because the realtime server refuses the credentials, else 0.",
);

/// Every metric of this crate.
pub const METRICS: &[Metric] = &[
    MESSAGES,
    CONVERSATIONS,
    READS,
    REPORTS,
    AUDITED,
    REFUSED,
    RATE_LIMITED,
    FAILURES,
    CALLS,
    EVENTS,
    PUBLISHED,
    PUBLISH_SECONDS,
    RETRIED,
    DEAD_LETTERED,
    REVOCATIONS,
    EMAILS,
    NOTIFICATIONS,
    UNPUBLISHED,
    OLDEST,
    DEAD_LETTERS,
    HALTED,
];
