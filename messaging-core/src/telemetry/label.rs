//! Labels of metrics: an enum for each, with all values of the label.

use crate::domain::audit::AuditedAction;

/// A label's key with all its values.
pub(super) type Values = (&'static str, &'static [&'static str]);

/// A label's key with one of its values.
pub(super) type Pair = (&'static str, &'static str);

/// Declares a label: an enum of its values, each with its text.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $key:literal: $($(#[$variant_doc:meta])* $variant:ident = $value:literal),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl $name {
            pub(super) const VALUES: Values = ($key, &[$($value),+]);

            pub(super) const fn pair(self) -> Pair {
                let value = match self {
                    $(Self::$variant => $value),+
                };
                ($key, value)
            }
        }
    };
}

label! {
    /// The origin of a message.
    SentBy, "origin": User = "user", System = "system"
}

label! {
    /// The outcome of a successful send.
    SendOutcome, "outcome": Stored = "stored", Repeated = "repeated"
}

label! {
    /// The reason of a refused send.
    SendRefusal, "reason":
    Blocked = "blocked",
    Closed = "closed",
    Forbidden = "forbidden",
    NotFound = "not_found",
    IdempotencyConflict = "idempotency_conflict"
}

label! {
    /// The outcome of an opening.
    OpenOutcome, "outcome": Created = "created", Found = "found"
}

label! {
    /// The outcome of a complaint.
    ReportOutcome, "outcome":
    /// It opened a report.
    Opened = "opened",
    /// It was added to the open report.
    Added = "added"
}

label! {
    /// The kind of a request that exceeded its rate limit.
    RateLimited, "what": Send = "send", Open = "open", Typing = "typing", Report = "report"
}

label! {
    /// A part of the host.
    HostPart, "part":
    Directory = "directory",
    Presence = "presence",
    RateLimiter = "rate_limiter",
    AccessPolicy = "access_policy"
}

label! {
    /// The outcome of a call to the realtime server.
    CallOutcome, "outcome":
    Accepted = "accepted",
    Refused = "refused",
    Busy = "busy",
    /// The server is unavailable or did not answer.
    Down = "down",
    Misconfigured = "misconfigured"
}

label! {
    /// The outcome of a revocation.
    RevocationOutcome, "outcome": Ended = "ended", Failed = "failed"
}

label! {
    /// The outcome of an e-mail.
    Mailed, "outcome":
    Sent = "sent",
    Refused = "refused",
    Deferred = "deferred",
    /// Deferred by a server that may defer every recipient.
    DeferredUncounted = "deferred_uncounted",
    Failed = "failed"
}

label! {
    /// The outcome of a push notification.
    PushOutcome, "outcome": Sent = "sent", Failed = "failed"
}

/// The label of an audited action, with the names of [`AuditedAction`].
pub(super) const ACTIONS: Values = ("action", &ACTION_NAMES);

const ACTION_NAMES: [&str; AuditedAction::ALL.len()] = {
    let mut names = [""; AuditedAction::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = AuditedAction::ALL[at].name();
        at += 1;
    }
    names
};

pub(super) const fn action(action: AuditedAction) -> Pair {
    (ACTIONS.0, action.name())
}
