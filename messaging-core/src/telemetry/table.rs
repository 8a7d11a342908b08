//! Every metric of this crate: its name, unit and labels, and what it tells.

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

pub(super) const READS: Metric = Metric::new(
    "messaging_reads_total",
    Counter,
    Unit::Count,
    "Receipts: somebody has read further.",
);

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
    "Requests refused for their rate.",
)
.labelled(&[RateLimited::VALUES]);

pub(super) const FAILURES: Metric = Metric::new(
    "messaging_host_failures_total",
    Counter,
    Unit::Count,
    "Calls to parts of the host that failed or took too long.",
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
    "Events that the realtime server accepted; what is repeated counts again.",
);

pub(super) const PUBLISHED: Metric = Metric::new(
    "messaging_published_total",
    Counter,
    Unit::Count,
    "Outbox entries all of whose events were accepted.",
);

pub(super) const PUBLISH_SECONDS: Metric = Metric::new(
    "messaging_publish_seconds",
    Histogram,
    Unit::Seconds,
    "From a change to the acceptance of its events.",
);

pub(super) const RETRIED: Metric = Metric::new(
    "messaging_retried_total",
    Counter,
    Unit::Count,
    "Conversations whose events had to wait for another try.",
);

pub(super) const DEAD_LETTERED: Metric = Metric::new(
    "messaging_dead_letters_total",
    Counter,
    Unit::Count,
    "Outbox entries that the transport refused for good.",
);

pub(super) const REVOCATIONS: Metric = Metric::new(
    "messaging_revocations_total",
    Counter,
    Unit::Count,
    "Users whose subscriptions to a conversation were to end with their access.",
)
.labelled(&[RevocationOutcome::VALUES]);

pub(super) const EMAILS: Metric = Metric::new(
    "messaging_emails_total",
    Counter,
    Unit::Count,
    "E-mails about unread messages.",
)
.labelled(&[Mailed::VALUES]);

pub(super) const NOTIFICATIONS: Metric = Metric::new(
    "messaging_notifications_total",
    Counter,
    Unit::Count,
    "Notifications of devices.",
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
    "1 while the realtime server does not accept our credentials, 0 otherwise.",
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
