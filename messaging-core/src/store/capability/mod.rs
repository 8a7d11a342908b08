//! Capabilities: optional parts of a store, each a trait of its own.

mod activity;
mod audit;
mod digests;
mod erasure;
mod moderation;
mod push;
mod recount;

use std::fmt;

pub use crate::domain::audit::AuditedAction;
pub use activity::{ActivityScan, ActivityStore};
pub use audit::{AuditRecord, AuditStore};
pub use digests::{
    DigestAttempt, DigestClaim, DigestLease, DigestPostponement, DigestStore, DigestUser, Excerpt,
};
pub use erasure::{ErasedReports, ErasureStore, Traces};
pub use moderation::{FileReport, Filed, ModerationStore, ReportScan};
pub use push::{PushMark, PushStore};
pub use recount::{LaneRecount, Recount, RecountScan, RecountStore, SideRecount, Unpublished};

use super::{Store, StoreError, StoreErrorKind};

/// A capability that a store may have beyond the required methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// [`Store::digests`]: e-mails about unread messages.
    Digests,
    /// [`Store::push`]: notifications on devices.
    Push,
    /// [`Store::moderation`]: reports.
    Moderation,
    /// [`Store::audit`]: the audit log. Without it, admins have no access.
    Audit,
    /// [`Store::activity`]: counts of messages, conversations and active users over time.
    Activity,
    /// [`Store::erasure`]: erasing a user, and exporting a user's data.
    Erasure,
    /// [`Store::recount`]: comparing the stored counters with a recount.
    Recount,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 7] = [
        Self::Digests,
        Self::Push,
        Self::Moderation,
        Self::Audit,
        Self::Activity,
        Self::Erasure,
        Self::Recount,
    ];

    /// The capability's stable name: that of the getter of [`Store`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Digests => "digests",
            Self::Push => "push",
            Self::Moderation => "moderation",
            Self::Audit => "audit",
            Self::Activity => "activity",
            Self::Erasure => "erasure",
            Self::Recount => "recount",
        }
    }

    /// Whether a store has the capability: its getter returns `Some`.
    pub fn is_of(self, store: &dyn Store) -> bool {
        match self {
            Self::Digests => store.digests().is_some(),
            Self::Push => store.push().is_some(),
            Self::Moderation => store.moderation().is_some(),
            Self::Audit => store.audit().is_some(),
            Self::Activity => store.activity().is_some(),
            Self::Erasure => store.erasure().is_some(),
            Self::Recount => store.recount().is_some(),
        }
    }

    /// Returns the capability that a getter returned.
    ///
    /// # Errors
    /// [`Unsupported`](StoreErrorKind::Unsupported) if the getter returned `None`; the error names the step `doing`.
    pub fn require<'a, T: ?Sized>(
        self,
        part: Option<&'a T>,
        doing: &'static str,
    ) -> Result<&'a T, StoreError> {
        let missing =
            || StoreError::new(StoreErrorKind::Unsupported, doing).caused_by(MissingCapability(self));
        part.ok_or_else(missing)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the store lacks the capability `{0}`")]
struct MissingCapability(Capability);

/// The set of a store's capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities(Vec<Capability>);

impl Capabilities {
    /// Reads the capabilities of a store from its getters.
    pub fn of(store: &dyn Store) -> Self {
        Self(
            Capability::ALL
                .into_iter()
                .filter(|one| one.is_of(store))
                .collect(),
        )
    }

    /// Whether the set contains a capability.
    pub fn contains(&self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }

    /// Iterates over the capabilities in the order of [`Capability::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Capability> {
        self.0.iter().copied()
    }
}
