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
//! What a host of participants names is at the root. The rest is in modules:
//!
//! | module | holds |
//! |---|---|
//! | [`participant`], [`admin`], [`operations`] | the use cases by audience, with their inputs and outcomes |
//! | [`worker`] | the background work: publishing of the outbox, digest e-mails, push notifications |
//! | [`host`] | the traits of the application: names, agents, bookings, access, limits |
//! | [`store`] | the traits of a store; [`memory`] is one |
//! | [`transport`] | the traits of realtime, push and mail |
//! | [`domain`] | conversations, messages, receipts, pages: values and their rules |
//! | [`policy`] | the access rules |
//! | [`event`] | the events: names, payloads, channels |
//! | [`id`], [`actor`], [`time`], [`clock`] | ids, the caller, time |
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
#[cfg(feature = "openapi")]
mod openapi;
mod outbox;
pub mod policy;
mod profiles;
mod push;
mod signal;
pub mod store;
pub mod telemetry;
pub mod time;
pub mod transport;
mod use_case;
pub mod verify;
mod with;
pub mod worker;

pub use actor::{Actor, Role};
pub use domain::{
    body::Body,
    conversation::Conversation,
    digest_policy::DigestPolicy,
    message::IdempotencyKey,
    side::{Recipients, Side},
};
pub use error::{Error, ErrorKind};
pub use host::{
    HostError,
    access::{AccessPolicy, ParticipantAction, Participants, Ruling},
    directory::Directory,
};
pub use id::{AgentId, BookingId, ConversationId, MessageId, UserId};
pub use time::Timestamp;
pub use use_case::{
    ConfigError, Messaging, MessagingBuilder, Options,
    admin::{self, Admin},
    operations::{self, HostOpen, Operations, SystemMessage},
    participant::{
        self, ConversationView, HistoryRequest, ListRequest, MessageView, OpenConversation, SendMessage, Sent,
    },
};
pub use worker::Workers;
