//! The methods of all store traits, listed once, for implementations that only forward calls.

/// A method of a store's trait, as [`wrap_store!`](crate::wrap_store) passes it to the wrapper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreMethod {
    /// The trait, such as `ConversationStore`.
    pub part: &'static str,
    /// The method, such as `append`.
    pub name: &'static str,
    /// The step as a phrase, such as *appending a message*.
    pub doing: &'static str,
    /// Whether it can change stored data.
    pub changes: bool,
}

impl StoreMethod {
    #[doc(hidden)]
    pub const fn new(part: &'static str, name: &'static str, doing: &'static str, changes: bool) -> Self {
        Self {
            part,
            name,
            doing,
            changes,
        }
    }
}

/// The names that the expansion of [`wrap_store!`](crate::wrap_store) uses.
#[doc(hidden)]
pub mod wrapping {
    pub use async_trait::async_trait;

    pub use crate::{
        domain::{
            activity::Activity,
            conversation::{Conversation, ConversationSummary},
            digest::Extent,
            message::IdempotencyKey,
            opening::PreparedOpen,
            receipt::MessageRow,
            report::{Report, ReportFile, Resolution},
            scope::ListScope,
            unmailed::Unmailed,
        },
        id::{AgentId, AuditId, BookingId, ConversationId, ReportId, UserId, WorkerId},
        store::*,
        time::Timestamp,
    };
}

/// Passes the list to a macro: the required traits in one pair of braces, the capabilities in another. A line has the
/// method, whether it `changes` or `reads`, and the step as a phrase.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_methods {
    ($then:path $(, $($with:tt)*)?) => {
        $then! {
            $($($with)*)?
            {
                ConversationStore {
                    open(plan: &PreparedOpen, publisher: Publisher) -> Opened, changes, "opening a conversation";
                    find_conversation(key: ConversationKey) -> Option<Conversation>, reads, "finding a conversation";
                    find_summary(id: ConversationId) -> Option<ConversationSummary>, reads, "finding a conversation";
                    list_bookings(of: ConversationId) -> Vec<BookingId>, reads, "listing bookings";
                    list_newest_bookings(of: &[ConversationId], limit: usize) -> Vec<(ConversationId, BookingId)>, reads, "listing bookings";
                    list_conversations(scan: &ListScan) -> ListPage, reads, "listing conversations";
                    count_conversations(scope: &ListScope, cap: u64) -> u64, reads, "counting conversations";
                    count_unread(scope: &ListScope) -> u64, reads, "counting unread messages";
                    list_agent_conversations(agent_id: &AgentId, after: Option<ConversationId>, limit: usize) -> Vec<Conversation>, reads, "listing conversations";
                    list_messages(scan: &HistoryScan) -> Option<HistoryPage>, reads, "listing messages";
                    find_sent(of: ConversationId, sender: Option<&UserId>, key: &IdempotencyKey) -> Option<MessageRow>, reads, "finding a message";
                    append(step: &Append) -> Appended, changes, "appending a message";
                    mark_read(step: &MarkRead) -> Marked, changes, "marking read";
                    change_state(step: &ChangeState) -> Changed, changes, "changing a conversation";
                }
                OutboxStore {
                    claim_lanes(claim: &Claim) -> Vec<Lane>, changes, "claiming lanes";
                    load_entries(lanes: &[Lane], per_lane: usize) -> Vec<LoadedEntry>, reads, "loading entries";
                    acknowledge(by: WorkerId, lease_until: Timestamp, done: &[Progress]) -> Vec<Lane>, changes, "acknowledging";
                    defer_lanes(by: WorkerId, deferrals: &[LaneDeferral]) -> (), changes, "deferring lanes";
                    dead_letter(by: WorkerId, lane: &Lane, entry: &Entry, why: &str, now: Timestamp) -> (), changes, "moving to the dead letters";
                    list_dead_letters(after: Option<&DeadLetterPosition>, limit: usize) -> Vec<DeadLetter>, reads, "listing dead letters";
                    requeue(step: &Requeue) -> Requeued, changes, "requeueing an event";
                    backlog() -> Backlog, reads, "asking for the backlog";
                    probe_writes(now: Timestamp) -> (), changes, "trying to write";
                }
            }
            {
                digests Digests DigestStore {
                    claim_digests(claim: &DigestClaim) -> Vec<DigestUser>, changes, "claiming digest users";
                    list_unmailed(users: &[UserId]) -> Vec<Unmailed>, reads, "listing unmailed messages";
                    record_attempt(lease: &DigestLease, attempt: &DigestAttempt, now: Timestamp) -> bool, changes, "recording a digest attempt";
                    load_excerpts(extents: &[Extent], messages: usize) -> Vec<Excerpt>, reads, "loading messages to mail";
                    mark_mailed(user_id: &UserId, extents: &[Extent], again_at: Timestamp) -> (), changes, "marking messages as mailed";
                    complete_digest(lease: &DigestLease, sent_at: Option<Timestamp>, remember: usize) -> bool, changes, "completing a digest";
                    postpone_digests(postponements: &[DigestPostponement]) -> (), changes, "postponing digests";
                }
                push Push PushStore {
                    admit_push(push: &PushMark) -> bool, changes, "admitting a push";
                }
                moderation Moderation ModerationStore {
                    file_report(step: &FileReport) -> Filed, changes, "reporting";
                    list_reports(scan: &ReportScan) -> Vec<Report>, reads, "listing reports";
                    find_report(id: ReportId) -> Option<ReportFile>, reads, "finding a report";
                    resolve_report(id: ReportId, resolution: &Resolution) -> Option<Report>, changes, "resolving a report";
                }
                audit Audit AuditStore {
                    record_access(record: &AuditRecord) -> (), changes, "recording an access";
                    list_accesses(before: Option<AuditId>, limit: usize) -> Vec<AuditRecord>, reads, "listing accesses";
                }
                activity Activity ActivityStore {
                    count_activity(scan: &ActivityScan) -> Vec<Activity>, reads, "counting activity";
                }
                erasure Erasure ErasureStore {
                    list_traces(of: &UserId, after: Option<ConversationId>, conversations: usize) -> Traces, reads, "listing traces";
                    erase_messages(in_conversation: ConversationId, of: &UserId) -> u64, changes, "erasing";
                    erase_from_reports(user_id: &UserId) -> ErasedReports, changes, "erasing a user from reports";
                    forget_user(user_id: &UserId) -> (), changes, "forgetting";
                }
                recount Recount RecountStore {
                    recount_conversations(scan: &RecountScan) -> Vec<Recount>, reads, "recounting";
                }
            }
        }
    };
}

/// Implements [`Store`](crate::store::Store) for a type that wraps a store, so that every call goes through a method of
/// the wrapper. The wrapper has the capabilities of its store; with `without capabilities` at the end it has none.
///
/// The method gets the [`StoreMethod`] and the call, a future that does nothing until it is polled.
///
/// ```
/// use messaging_core::{memory::MemoryStore, store::{Store, StoreError, StoreMethod}, wrap_store};
///
/// struct Logging<S>(S);
///
/// impl<S: Store> Logging<S> {
///     async fn call<T>(
///         &self,
///         method: StoreMethod,
///         call: impl Future<Output = Result<T, StoreError>> + Send,
///     ) -> Result<T, StoreError> {
///         println!("{}", method.doing);
///         call.await
///     }
/// }
///
/// wrap_store!(impl<S: Store> Store for Logging<S>, wrapping 0, through call);
///
/// let store = Logging(MemoryStore::new());
/// assert!(store.digests().is_some());
/// ```
#[macro_export]
macro_rules! wrap_store {
    (impl<$generic:ident: $bound:path> Store for $wrapper:ty, wrapping $inner:tt, through $call:ident $(,)?) => {
        $crate::__store_methods!($crate::__wrap_store, [$generic: $bound] [$wrapper] $inner $call);
    };
    (impl Store for $wrapper:ty, wrapping $inner:tt, through $call:ident $(,)?) => {
        $crate::__store_methods!($crate::__wrap_store, [] [$wrapper] $inner $call);
    };
    (impl Store for $wrapper:ty, wrapping $inner:tt, through $call:ident, without capabilities $(,)?) => {
        $crate::__store_methods!($crate::__wrap_required_store, [] [$wrapper] $inner $call);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __wrap_store {
    (
        $generics:tt $wrapper:tt $inner:tt $call:ident
        { $($required:ident $methods:tt)* }
        { $($getter:ident $capability:ident $optional:ident $more:tt)* }
    ) => {
        const _: () = {
            #[allow(unused_imports, reason = "the caller may import some of these too")]
            use $crate::store::wrapping::*;

            $($crate::__wrap_required! { $generics $wrapper $inner $call $required $methods })*
            $($crate::__wrap_capability! { $generics $wrapper $inner $call $getter $capability $optional $more })*
            $crate::__wrap_getters! { $generics $wrapper $inner $($getter $optional)* }
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __wrap_required_store {
    (
        $generics:tt [$wrapper:ty] $inner:tt $call:ident
        { $($required:ident $methods:tt)* }
        $capabilities:tt
    ) => {
        const _: () = {
            #[allow(unused_imports, reason = "the caller may import some of these too")]
            use $crate::store::wrapping::*;

            $($crate::__wrap_required! { $generics [$wrapper] $inner $call $required $methods })*
            impl Store for $wrapper {}
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __wrap_required {
    (
        [$($generics:tt)*] [$wrapper:ty] $inner:tt $call:ident $required:ident
        { $($method:ident($($argument:ident: $type:ty),*) -> $answer:ty, $change:ident, $doing:literal;)* }
    ) => {
        #[async_trait]
        impl<$($generics)*> $required for $wrapper {
            $(async fn $method(&self, $($argument: $type),*) -> Result<$answer, StoreError> {
                let method = $crate::__store_method!($required $method $change $doing);
                self.$call(method, self.$inner.$method($($argument),*)).await
            })*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __wrap_capability {
    (
        [$($generics:tt)*] [$wrapper:ty] $inner:tt $call:ident $getter:ident $capability:ident $optional:ident
        { $($method:ident($($argument:ident: $type:ty),*) -> $answer:ty, $change:ident, $doing:literal;)* }
    ) => {
        #[async_trait]
        impl<$($generics)*> $optional for $wrapper {
            $(async fn $method(&self, $($argument: $type),*) -> Result<$answer, StoreError> {
                let method = $crate::__store_method!($optional $method $change $doing);
                let inner = Store::$getter(&self.$inner);
                self.$call(method, async move {
                    let inner = Capability::$capability.require(inner, $doing)?;
                    inner.$method($($argument),*).await
                }).await
            })*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __wrap_getters {
    ([$($generics:tt)*] [$wrapper:ty] $inner:tt $($getter:ident $optional:ident)*) => {
        impl<$($generics)*> Store for $wrapper {
            $(fn $getter(&self) -> Option<&dyn $optional> {
                Store::$getter(&self.$inner).map(|_| self as &dyn $optional)
            })*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_method {
    ($part:ident $method:ident reads $doing:literal) => {
        StoreMethod::new(stringify!($part), stringify!($method), $doing, false)
    };
    ($part:ident $method:ident changes $doing:literal) => {
        StoreMethod::new(stringify!($part), stringify!($method), $doing, true)
    };
}
