//! The labels of metrics: an enum each, with every value that the label can have.

use crate::domain::audit::AuditedAction;

/// A label's key, with all its values.
pub(super) type Values = (&'static str, &'static [&'static str]);

/// A label's key, with one of its values.
pub(super) type Pair = (&'static str, &'static str);

/// Declares a label: an enum of its values, each with the text that stands for it.
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
    /// Who wrote a message.
    SentBy, "origin": User = "user", System = "system"
}

label! {
    /// What became of a send that succeeded.
    SendOutcome, "outcome": Stored = "stored", Repeated = "repeated"
}

label! {
    /// Why a send was refused.
    SendRefusal, "reason":
    Blocked = "blocked",
    Closed = "closed",
    Forbidden = "forbidden",
    NotFound = "not_found",
    IdempotencyConflict = "idempotency_conflict"
}

label! {
    /// What became of an opening.
    OpenOutcome, "outcome": Created = "created", Found = "found"
}

label! {
    /// What became of a complaint.
    ReportOutcome, "outcome":
    /// It opened a report.
    Opened = "opened",
    /// The open report holds it too.
    Added = "added"
}

label! {
    /// A request that was refused for its rate.
    RateLimited, "what": Send = "send", Open = "open", Typing = "typing", Report = "report", Repeat = "repeat"
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
    /// What became of a call to the realtime server.
    CallOutcome, "outcome":
    Accepted = "accepted",
    Refused = "refused",
    Busy = "busy",
    /// Unavailable, or no answer.
    Down = "down",
    Misconfigured = "misconfigured"
}

label! {
    /// What became of a revocation.
    RevocationOutcome, "outcome": Ended = "ended", Failed = "failed"
}

label! {
    /// What became of an e-mail.
    Mailed, "outcome":
    Sent = "sent",
    Refused = "refused",
    Deferred = "deferred",
    /// By a server that may defer every recipient.
    DeferredUncounted = "deferred_uncounted",
    Failed = "failed"
}

label! {
    /// What became of a notification.
    PushOutcome, "outcome": Sent = "sent", Failed = "failed"
}

/// The label of an audited action: the actions have names of their own.
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
