//! The store: conversations, messages and unpublished events, and the traits through which the core uses them.
//!
//! A backend implements [`ConversationStore`] and [`OutboxStore`], which are required, and the capability traits that
//! its hosts need. [`Store`] combines them: a getter returns `Some` for a capability that the backend has.
//!
//! # Contract
//!
//! - Every method is one atomic step, even under concurrent steps. A step that has returned is as durable as a commit
//!   of the backend.
//! - Steps on one conversation are serialised.
//! - A step that names an access version is applied only if the conversation still has it; otherwise, and for an
//!   unknown conversation, the result is `Conflict`, and nothing changes. Only the check for a used key, in
//!   [`append`](ConversationStore::append), precedes this check.
//! - A missing row is `None` or an empty list, never an error.
//! - After any error but [`StoreErrorKind::OutcomeUnknown`], nothing has changed.
//! - A visible change and its outbox entry are committed together, and the result has the entry's number
//!   ([`CommittedEntry::number`]).
//! - A dropped future may or may not have taken effect, as with `OutcomeUnknown`.
//! - For a variant of a `#[non_exhaustive]` enum that the backend does not know, the result is
//!   [`StoreErrorKind::Unsupported`]. [`Change`](crate::domain::change::Change) is the exception:
//!   [`ChangeState::after`] contains the effect of a change on the access.
//!
//! The crate `messaging-testkit` checks all of this against any implementation, capability by capability.
//!
//! # Compatibility
//!
//! Published traits never gain a required method. New behaviour becomes a capability, and new data an optional field.

mod capability;
mod conversations;
mod error;
mod methods;
mod outbox;
mod shared;
mod timed;

pub use capability::{
    ActivityScan, ActivityStore, AuditRecord, AuditStore, AuditedAction, Capabilities, Capability,
    DigestAttempt, DigestClaim, DigestLease, DigestPostponement, DigestStore, DigestUser, ErasedReports,
    ErasureStore, Excerpt, FileReport, Filed, LaneRecount, ModerationStore, PushMark, PushStore, Recount,
    RecountScan, RecountStore, ReportScan, SideRecount, Traces, Unpublished,
};
pub use conversations::{
    Append, Appended, ChangeState, Changed, ConversationKey, ConversationStore, Direction, HistoryPage,
    HistoryScan, ListPage, ListScan, ListStart, MarkRead, Marked, Moved, Opened, Stored,
};
pub use error::{StoreError, StoreErrorKind};
pub use methods::StoreMethod;
#[doc(hidden)]
pub use methods::wrapping;
pub use outbox::{
    Backlog, Claim, CommittedEntry, DeadLetter, DeadLetterPosition, Entry, EntryKind, Lane, LaneDeferral,
    LaneFailure, LoadedEntry, OutboxStore, Progress, Publisher, Requeue, Requeued, Scan, Subject,
};
pub(crate) use timed::timed;

/// A store: the required methods, and the capabilities that a backend has.
///
/// A getter returns the same result for the lifetime of a store. [`Arc<T>`](std::sync::Arc) is a store with the
/// capabilities of `T`; other wrappers use [`wrap_store!`](crate::wrap_store), so that no capability is lost.
pub trait Store: ConversationStore + OutboxStore {
    /// E-mails about unread messages.
    fn digests(&self) -> Option<&dyn DigestStore> {
        None
    }

    /// Notifications on devices.
    fn push(&self) -> Option<&dyn PushStore> {
        None
    }

    /// Reports.
    fn moderation(&self) -> Option<&dyn ModerationStore> {
        None
    }

    /// The audit log.
    fn audit(&self) -> Option<&dyn AuditStore> {
        None
    }

    /// Counts of messages, conversations and active users over time.
    fn activity(&self) -> Option<&dyn ActivityStore> {
        None
    }

    /// Erasing a user, and exporting a user's data.
    fn erasure(&self) -> Option<&dyn ErasureStore> {
        None
    }

    /// Comparing the stored counters with a recount.
    fn recount(&self) -> Option<&dyn RecountStore> {
        None
    }
}
