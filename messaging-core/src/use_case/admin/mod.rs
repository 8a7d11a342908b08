//! What only admins do. Every call is written to the audit log before it is answered.

mod activity;
mod audit;
mod close;
mod reports;

pub use audit::AuditLog;
pub use reports::{ReportDetails, ReportList, ReportsRequest};

use super::{Messaging, require};
use crate::{
    actor::Actor,
    error::Error,
    policy::Refusal,
    store::{AuditStore, Capability},
};

const ADMITTING: &str = "admitting an admin";

/// The use cases of one admin: [`Messaging::admin`].
#[derive(Debug, Clone, Copy)]
pub struct Admin<'a> {
    messaging: &'a Messaging,
    actor: &'a Actor,
}

impl Messaging {
    /// The use cases of an admin.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) unless the actor's role is admin;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where the store keeps no audit log.
    pub fn admin<'a>(&'a self, actor: &'a Actor) -> Result<Admin<'a>, Error> {
        if !actor.is_admin() {
            return Err(Error::refused(Refusal::Forbidden, ADMITTING));
        }
        require::<dyn AuditStore>(Capability::Audit, self.store().audit(), ADMITTING)?;
        Ok(Admin {
            messaging: self,
            actor,
        })
    }
}
