//! The store: conversations, messages and unpublished events, and the traits through which the core uses them.
//!
//! A backend implements [`ConversationStore`] and [`OutboxStore`], which are required, and the capability traits that
//! its hosts need. [`Store`] joins them: a getter answers `Some` for a capability that the backend has.
//!
//! # Contract
//!
//! - Every method is one step: all of it happens, or nothing does, even under concurrent steps. A step that has been
//!   answered is as durable as the backend makes a commit.
//! - Steps on one conversation take effect one after the other.
//! - A step that names an access version is applied only if the conversation still has that access version; else it
//!   answers `Conflict` and changes nothing. An unknown conversation is `Conflict` too. One check comes before this one:
//!   that for a used key, in [`append`](ConversationStore::append).
//! - A missing row is `None` or empty, never an error.
//! - An error of any kind but [`StoreErrorKind::OutcomeUnknown`] changed nothing.
//! - A visible change commits its outbox entry with it, and the answer carries the entry's number
//!   ([`CommittedEntry::number`]).
//! - A future that is dropped may have taken effect or not, as with `OutcomeUnknown`.
//! - A variant of a `#[non_exhaustive]` enum that the backend does not know is answered with
//!   [`StoreErrorKind::Unsupported`]. [`Change`](crate::domain::conversation::Change) is the exception: what a change
//!   does to the access stands in [`ChangeState::after`].
//!
//! The crate `messaging-testkit` checks all of this against any implementation, capability by capability.
//!
//! # Growth
//!
//! Published traits never gain a required method. What a store must newly do is a capability; what it must only keep is
//! an optional field.

mod capability;
mod conversations;
mod error;
mod methods;
mod outbox;
mod shared;

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

/// Everything that the library keeps: the required methods, and the capabilities that a backend has.
///
/// A getter answers the same for a store's life. [`Arc<T>`](std::sync::Arc) is a store with the capabilities of `T`;
/// other wrappers use [`wrap_store!`](crate::wrap_store), so that none loses a capability.
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

    /// The log of what admins looked at and did.
    fn audit(&self) -> Option<&dyn AuditStore> {
        None
    }

    /// Counts of messages, conversations and active users over time.
    fn activity(&self) -> Option<&dyn ActivityStore> {
        None
    }

    /// Erasing a user, and exporting what is theirs.
    fn erasure(&self) -> Option<&dyn ErasureStore> {
        None
    }

    /// Comparing the stored counters with a recount.
    fn recount(&self) -> Option<&dyn RecountStore> {
        None
    }
}
