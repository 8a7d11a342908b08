//! The use cases: load, decide, apply, answer.

pub mod admin;
mod attempt;
mod builder;
mod change;
mod limits;
pub mod operations;
pub mod participant;
mod recent;
mod rulings;
mod workers;

use std::{fmt, sync::Arc, time::Duration};

pub use builder::{ConfigError, MessagingBuilder, Options};
pub use workers::Workers;

use crate::{
    actor::Actor,
    clock::{Clock, IdSource},
    domain::conversation::Conversation,
    error::Error,
    event::ChannelNames,
    host::Host,
    host::access::AccessPolicy,
    host::directory::{ProfileQuery, Profiles},
    id::{AuditId, ConversationId},
    outbox::Relay,
    policy::Refusal,
    store::{
        AuditRecord, AuditStore, AuditedAction, Capabilities, Capability, ErasureStore, Lane, LoadedEntry,
        ModerationStore, Publisher, Store, StoreError, StoreErrorKind,
    },
    telemetry,
    time::Timestamp,
    transport::push::Push,
    transport::realtime::Realtime,
};

/// Conversations between clients and agents: everything a host calls. Cheap to clone.
///
/// Made by [`Messaging::builder`], or for tests by [`Messaging::in_memory`].
#[derive(Clone)]
pub struct Messaging(Arc<Parts>);

struct Parts {
    store: Arc<dyn Store>,
    host: Arc<Host>,
    realtime: Arc<dyn Realtime>,
    policy: Option<Arc<dyn AccessPolicy>>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    names: ChannelNames,
    /// How long after a message an e-mail about it is due; `None` where digests are off.
    digest_delay: Option<Duration>,
    push: Option<Arc<dyn Push>>,
    relay: Arc<Relay>,
    recent: recent::Recent,
}

const AUDITING: &str = "writing the audit log";

impl Messaging {
    /// What the store can do.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities::of(self.store())
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    fn moderation(&self, doing: &'static str) -> Result<&dyn ModerationStore, Error> {
        require(Capability::Moderation, self.store().moderation(), doing)
    }

    fn erasure(&self, doing: &'static str) -> Result<&dyn ErasureStore, Error> {
        require(Capability::Erasure, self.store().erasure(), doing)
    }

    fn audit_log(&self, doing: &'static str) -> Result<&dyn AuditStore, Error> {
        require(Capability::Audit, self.store().audit(), doing)
    }

    /// The stored conversation, on which a step is decided.
    async fn stored(&self, id: ConversationId, doing: &'static str) -> Result<Option<Conversation>, Error> {
        let stored = self.store().find_conversation(id.into()).await;
        stored.map_err(|error| Error::store(error, doing))
    }

    /// When an e-mail about a message of now is due.
    fn digest_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.digest_delay.map(|delay| now + delay)
    }

    fn publisher(&self) -> Publisher {
        self.0.relay.publisher(self.now())
    }

    /// How everything in the query is shown; blank where the directory does not say in time.
    async fn profiles(&self, query: &ProfileQuery) -> Profiles {
        self.0.host.profiles(query).await
    }

    /// Passes a lane that a step created for this process to the relay.
    fn hand_over(&self, lane: Option<Lane>) {
        match lane {
            Some(lane) => self.0.relay.hand_over(lane, None, Profiles::default()),
            None => self.0.relay.watch_for_workers(),
        }
    }

    /// Passes an entry in memory to the relay, with its lane if the step created that for this process.
    fn hand_over_loaded(&self, lane: Option<Lane>, entry: LoadedEntry, profiles: Profiles) {
        let relay = &self.0.relay;
        if let Some(lane) = lane {
            relay.hand_over(lane, Some(entry), profiles);
        } else {
            relay.join(entry, profiles);
            relay.watch_for_workers();
        }
    }

    /// Writes an admin's access to the log; nothing is answered before that has succeeded.
    async fn audit(
        &self,
        actor: &Actor,
        action: AuditedAction,
        conversation_id: Option<ConversationId>,
    ) -> Result<(), Error> {
        let at = self.now();
        let record = AuditRecord {
            id: AuditId::new(self.0.ids.new_id(at)),
            at,
            actor_id: actor.user_id().clone(),
            action,
            conversation_id,
        };
        let written = self.audit_log(AUDITING)?.record_access(&record).await;
        written.map_err(|error| Error::store(error, AUDITING))?;
        telemetry::audited(action);
        Ok(())
    }
}

/// A step that was not applied because what it was decided on has changed: `None`, to decide again. Any
/// other outcome is passed on.
fn unless_lost<T>(outcome: Result<T, StoreError>, doing: &'static str) -> Result<Option<T>, Error> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == StoreErrorKind::Retry => Ok(None),
        Err(error) => Err(Error::store(error, doing)),
    }
}

/// The store's part for a capability.
fn require<'a, T: ?Sized>(
    capability: Capability,
    part: Option<&'a T>,
    doing: &'static str,
) -> Result<&'a T, Error> {
    let required = capability.require(part, doing);
    required.map_err(|error| Error::store(error, doing))
}

/// A conversation that must exist.
fn found<T>(it: Option<T>, doing: &'static str) -> Result<T, Error> {
    it.ok_or_else(|| Error::refused(Refusal::NotFound, doing))
}

impl fmt::Debug for Messaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messaging").finish_non_exhaustive()
    }
}
