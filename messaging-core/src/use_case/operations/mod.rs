//! What the host and its operators do: without an actor, and without a line in the audit log.

mod close;
mod dead_letters;
mod erasure;
mod health;
mod on_behalf;
mod open;
mod reassign;
mod system_message;
mod verify;
mod webhook;

pub use erasure::{Erased, Exported};
pub use on_behalf::OnBehalf;
pub use open::HostOpen;
pub use reassign::Reassigned;
pub use system_message::SystemMessage;

pub(super) use open::OPENING;

use super::Messaging;
pub use crate::outbox::Health;

/// The use cases of the host and its operators: [`Messaging::operations`].
///
/// No actor is asked for, no policy is asked, and nothing is written to the audit log: the host decides which code of its
/// own may call these.
#[derive(Debug, Clone, Copy)]
pub struct Operations<'a> {
    messaging: &'a Messaging,
}

impl Messaging {
    /// The use cases of the host and its operators.
    pub const fn operations(&self) -> Operations<'_> {
        Operations { messaging: self }
    }
}
