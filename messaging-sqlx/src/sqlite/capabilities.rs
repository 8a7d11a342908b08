//! The capabilities of this store: all of them.

use messaging_core::store::{
    ActivityStore, AuditStore, DigestStore, ErasureStore, ModerationStore, PushStore, RecountStore, Store,
};

use super::SqliteStore;

/// Supports every capability.
impl Store for SqliteStore {
    fn digests(&self) -> Option<&dyn DigestStore> {
        Some(self)
    }

    fn push(&self) -> Option<&dyn PushStore> {
        Some(self)
    }

    fn moderation(&self) -> Option<&dyn ModerationStore> {
        Some(self)
    }

    fn audit(&self) -> Option<&dyn AuditStore> {
        Some(self)
    }

    fn activity(&self) -> Option<&dyn ActivityStore> {
        Some(self)
    }

    fn erasure(&self) -> Option<&dyn ErasureStore> {
        Some(self)
    }

    fn recount(&self) -> Option<&dyn RecountStore> {
        Some(self)
    }
}
