//! Recording the metrics of this crate.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::{
    CallOutcome, HostPart, Mailed, OpenOutcome, PushOutcome, RateLimited, ReportOutcome, RevocationOutcome,
    SendOutcome, SendRefusal, SentBy, label,
    table::{
        AUDITED, CALLS, CONVERSATIONS, DEAD_LETTERED, DEAD_LETTERS, EMAILS, EVENTS, FAILURES, HALTED,
        MESSAGES, NOTIFICATIONS, OLDEST, PUBLISH_SECONDS, PUBLISHED, RATE_LIMITED, READS, REFUSED, REPORTS,
        RETRIED, REVOCATIONS, UNPUBLISHED,
    },
};
use crate::domain::audit::AuditedAction;

/// A send that succeeded.
pub(crate) fn sent(by: SentBy, outcome: SendOutcome) {
    counter!(MESSAGES.name, &[by.pair(), outcome.pair()]).increment(1);
}

/// A send that a decision refused; failures are not counted.
pub(crate) fn send_refused(reason: SendRefusal) {
    counter!(REFUSED.name, &[reason.pair()]).increment(1);
}

pub(crate) fn opened(outcome: OpenOutcome) {
    counter!(CONVERSATIONS.name, &[outcome.pair()]).increment(1);
}

pub(crate) fn read() {
    counter!(READS.name).increment(1);
}

pub(crate) fn reported(outcome: ReportOutcome) {
    counter!(REPORTS.name, &[outcome.pair()]).increment(1);
}

pub(crate) fn audited(action: AuditedAction) {
    counter!(AUDITED.name, &[label::action(action)]).increment(1);
}

pub(crate) fn rate_limited(what: RateLimited) {
    counter!(RATE_LIMITED.name, &[what.pair()]).increment(1);
}

pub(crate) fn host_failed(part: HostPart) {
    counter!(FAILURES.name, &[part.pair()]).increment(1);
}

/// A call to the realtime server that has ended.
pub(crate) fn called(outcome: CallOutcome) {
    counter!(CALLS.name, &[outcome.pair()]).increment(1);
}

/// Events that the realtime server has accepted.
pub(crate) fn accepted(events: usize) {
    counter!(EVENTS.name).increment(wide(events));
}

/// An outbox entry whose events have all been accepted, `took` after the change.
pub(crate) fn published(took: Duration) {
    counter!(PUBLISHED.name).increment(1);
    histogram!(PUBLISH_SECONDS.name).record(took.as_secs_f64());
}

pub(crate) fn retried(lanes: usize) {
    counter!(RETRIED.name).increment(wide(lanes));
}

pub(crate) fn dead_letter() {
    counter!(DEAD_LETTERED.name).increment(1);
}

pub(crate) fn mailed(outcome: Mailed) {
    counter!(EMAILS.name, &[outcome.pair()]).increment(1);
}

pub(crate) fn revoked(outcome: RevocationOutcome) {
    counter!(REVOCATIONS.name, &[outcome.pair()]).increment(1);
}

pub(crate) fn notified(outcome: PushOutcome) {
    counter!(NOTIFICATIONS.name, &[outcome.pair()]).increment(1);
}

/// The values of the outbox gauges.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutboxGauges {
    pub(crate) unpublished_conversations: u64,
    pub(crate) oldest_unpublished: Duration,
    pub(crate) dead_letters: u64,
    pub(crate) is_halted: bool,
}

#[expect(clippy::cast_precision_loss, reason = "gauges hold f64 values")]
pub(crate) fn outbox(gauges: OutboxGauges) {
    gauge!(UNPUBLISHED.name).set(gauges.unpublished_conversations as f64);
    gauge!(OLDEST.name).set(gauges.oldest_unpublished.as_secs_f64());
    gauge!(DEAD_LETTERS.name).set(gauges.dead_letters as f64);
    gauge!(HALTED.name).set(if gauges.is_halted { 1.0 } else { 0.0 });
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
