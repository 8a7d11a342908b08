//! The store: where conversations, messages and unpublished events are kept.
//!
//! # Contract
//!
//! - Every method is one step: all of it happens, or nothing does, whatever runs beside it. A step that
//!   answered is as durable as the backend makes a commit.
//! - Steps on one conversation take effect one after the other.
//! - A step that names a access version is applied only if the conversation still has that access version; else it answers
//!   `Conflict` and changes nothing. An unknown conversation is `Conflict` too.
//! - What is not there is `None` or empty, never an error.
//! - An error of any kind but [`StoreErrorKind::OutcomeUnknown`] changed nothing.
//! - A visible change commits its outbox entry with it.
//! - A future that is dropped may have taken effect or not, as with `OutcomeUnknown`.
//!
//! The crate `messaging-testkit` checks all of this against any implementation.

mod activity;
mod audit;
mod conversations;
mod digests;
mod erasure;
mod error;
mod moderation;
mod outbox;
mod recount;
mod shared;

pub use activity::{ActivityScan, ActivityStore};
pub use audit::{AuditRecord, AuditStore, AuditedAction};
pub use conversations::{
    Append, Appended, ChangeState, Changed, ConversationStore, Direction, HistoryPage, HistoryScan, ListPage,
    ListScan, ListStart, MarkRead, Marked, Opened, Stored, UnlinkBooking, Unlinked,
};
pub use digests::{
    DigestAttempt, DigestClaim, DigestLease, DigestPostponement, DigestStore, DigestUser, Excerpt, PushMark,
};
pub use erasure::{ErasedReports, ErasureStore, Traces};
pub use error::{StoreError, StoreErrorKind};
pub use moderation::{FileReport, Filed, ModerationStore, ReportScan};
pub use outbox::{
    Backlog, Claim, DeadLetter, DeadLetterPosition, Entry, EntryKind, Lane, LaneDeferral, LaneFailure,
    LoadedEntry, OutboxStore, Progress, Publisher, Requeue, Requeued, Subject,
};
pub use recount::{LaneRecount, Recount, RecountScan, RecountStore, SideRecount, Unpublished};

/// Everything the library keeps. Implemented for whatever implements the parts, and for an [`Arc`](std::sync::Arc) of
/// it.
pub trait Store:
    ConversationStore
    + OutboxStore
    + DigestStore
    + ModerationStore
    + AuditStore
    + ActivityStore
    + ErasureStore
    + RecountStore
    + Send
    + Sync
{
}

impl<T> Store for T where
    T: ConversationStore
        + OutboxStore
        + DigestStore
        + ModerationStore
        + AuditStore
        + ActivityStore
        + ErasureStore
        + RecountStore
        + Send
        + Sync
        + ?Sized
{
}
