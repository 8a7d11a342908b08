//! What the workers of a run follow, and how often they run.

use std::time::Duration;

use messaging_core::DigestPolicy;

/// The default policy, except that an e-mail shows every message, and that three deferrals are final: a run has
/// few.
pub(super) const POLICY: fn() -> DigestPolicy = || {
    DigestPolicy::default()
        .with_conversations(99)
        .with_messages(999)
        .with_deferrals(3)
};

/// The interval between runs of the workers.
pub(super) const TICK: Duration = Duration::from_mins(5);
