//! The host's own say in who may do what.

use crate::{actor::Actor, domain::conversation::Conversation, policy::Action};

/// Rules of the host on top of ours, asked after ours have said yes: it can refuse, never grant.
///
/// Asked for opening, sending, marking read, typing, blocking and reporting. It has no say in seeing and
/// listing, which are decided inside the store's queries too.
pub trait AccessPolicy: Send + Sync {
    /// A refusal, or `None` to let it pass. `on` is `None` when the action is to open. For a send it may be the
    /// conversation as it was at an earlier one: who takes part, who has blocked and whether it is closed are right all
    /// the same, or the send is decided once more; counts and times may be old.
    fn refuse(&self, actor: &Actor, action: Action<'_>, on: Option<&Conversation>) -> Option<HostRefusal>;
}

/// The host's refusal; the caller gets `forbidden` with the host's sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRefusal {
    /// A sentence for the person who was refused.
    pub message: String,
}
