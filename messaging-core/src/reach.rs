//! How people who are away are found: whether they are, and what they want.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{
    clock::{self, Clock},
    host::HostError,
    host::directory::{Contact, Directory},
    host::presence::Presence,
    id::UserId,
    telemetry::{self, HostPart},
};

/// Asks the host, each time for so long at most.
pub(crate) struct Reach {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) presence: Option<Arc<dyn Presence>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timeout: Duration,
}

impl Reach {
    /// How people want to be reached; a failure is logged.
    pub(crate) async fn contacts(&self, users: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError> {
        let asked = clock::timeout(&*self.clock, self.timeout, self.directory.contacts(users)).await;
        let contacts = asked.unwrap_or_else(|elapsed| Err(HostError::temporary(elapsed)));
        contacts.inspect_err(|error| {
            telemetry::host_failed(HostPart::Directory);
            let error: &dyn std::error::Error = error;
            tracing::warn!(
                error,
                "the directory does not say how people are reached: nobody is"
            );
        })
    }

    /// Who is connected, as far as that is known.
    pub(crate) async fn online(&self, users: &[UserId]) -> HashMap<UserId, bool> {
        let Some(presence) = &self.presence else {
            return HashMap::new();
        };
        let asked = clock::timeout(&*self.clock, self.timeout, presence.online(users)).await;
        let online = asked.unwrap_or_else(|elapsed| Err(HostError::temporary(elapsed)));
        online.unwrap_or_else(|error| {
            telemetry::host_failed(HostPart::Presence);
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "presence failed: nobody is known to be away");
            HashMap::new()
        })
    }
}
