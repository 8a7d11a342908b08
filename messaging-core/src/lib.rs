//! Real-time conversations between the clients and the agents of a two-sided marketplace: the core.
//!
//! The rules are here, pure; storage, realtime, presence and the host's own people are behind
//! traits. A host puts them together and calls the use cases, directly or through the routes of
//! `messaging-axum`:
//!
//! ```
//! # use messaging_core::{*, host::HostError, host::directory::*};
//! # struct People;
//! # #[async_trait::async_trait]
//! # impl Directory for People {
//! #     async fn profiles(&self, _: &ProfileQuery) -> Result<Profiles, HostError> { Ok(Profiles::default()) }
//! #     async fn agent_user(&self, _: &AgentId) -> Result<Option<UserId>, HostError> {
//! #         Ok(Some(UserId::parse("ada").unwrap()))
//! #     }
//! #     async fn booking_parties(&self, _: &BookingId) -> Result<Option<BookingParties>, HostError> { Ok(None) }
//! #     async fn contacts(&self, _: &[UserId]) -> Result<std::collections::HashMap<UserId, Contact>, HostError> {
//! #         Ok(std::collections::HashMap::new())
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (messaging, _workers) = Messaging::in_memory(People).build()?;
//! let client = Actor::new(UserId::parse("carl")?, Role::Client);
//! let agent = Actor::new(UserId::parse("ada")?, Role::Agent { agent_id: AgentId::parse("alpine")? });
//!
//! let open = OpenConversation::new(AgentId::parse("alpine")?);
//! let conversation_id = messaging.open_conversation(&client, &open).await?.conversation.id();
//! let hello = SendMessage::new(conversation_id, Body::parse("Is the hut open in May?")?);
//! messaging.send_message(&client, &hello).await?;
//!
//! assert_eq!(messaging.count_unread(&agent).await?, 1);
//! # Ok(()) }
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`id`], [`actor`], [`time`], [`clock`] | ids, the caller, time |
//! | [`domain`] | conversations, messages, receipts, pages: values and their rules |
//! | [`policy`] | the access rules |
//! | [`event`] | the events: names, payloads, channels |
//! | [`host`] | the traits of the application: names, agents, bookings, access, limits |
//! | [`store`] | the traits of a store |
//! | [`transport`] | the traits of realtime, push and mail |
//! | [`memory`] | the store in memory |
//! | [`Messaging`] | the use cases |
//! | [`Relay`], [`Workers`] | publishing of the outbox |
//! | [`Digester`] | digest e-mails |
//! | [`Notifier`] | push notifications |
//! | [`telemetry`] | the metrics |
//! | [`verify`] | verification of stored counters |
//!
//! | feature | brings |
//! |---|---|
//! | `openapi` | OpenAPI schemas of ids, messages and other JSON, by utoipa |

pub mod actor;
mod backoff;
pub mod clock;
mod digest;
pub mod domain;
mod error;
pub mod event;
pub mod host;
pub mod id;
pub mod memory;
mod notify;
#[cfg(feature = "openapi")]
mod openapi;
pub mod policy;
mod profiles;
mod relay;
mod signal;
pub mod store;
pub mod telemetry;
pub mod time;
pub mod transport;
mod use_case;
pub mod verify;
mod with;
mod worker;

pub use actor::{Actor, Role};
pub use digest::{DigestOptions, Digester, InvalidDigestOptions};
pub use domain::{
    body::Body,
    calendar::{BucketUnit, Buckets},
    cursor::{AuditCursor, HistoryCursor, ListCursor, ReportCursor},
    digest_policy::{DigestPolicy, InvalidDigestPolicy},
    message::IdempotencyKey,
    page::{NumberedPage, PageSize},
    side::{Recipients, Side},
};
pub use error::{Error, ErrorKind};
pub use host::rate_limit::{ProcessLimiter, Quota, RateLimits, Unlimited};
pub use id::{AgentId, AuditId, BookingId, ConversationId, DigestId, MessageId, ReportId, UserId};
pub use notify::Notifier;
pub use relay::{ActiveWorker, Health, InvalidRelayOptions, Relay, RelayOptions};
pub use time::Timestamp;
pub use use_case::{
    ConfigError, Messaging, MessagingBuilder, Options,
    admin::{self, Admin, AuditLog, ReportDetails, ReportList, ReportsRequest},
    operations::{self, Erased, Exported, HostOpen, Operations, Reassigned, SystemMessage},
    participant::{
        self, Authorized, ConversationDetails, ConversationList, ConversationView, History, HistoryFrom,
        HistoryRequest, ListFrom, ListRequest, MarkOnRead, MessageView, NewReport, OpenConversation,
        OpenedConversation, ReadState, Reported, SendMessage, Sent,
    },
};
pub use verify::{ConversationRange, Discrepancy, Finding};
pub use worker::Workers;
