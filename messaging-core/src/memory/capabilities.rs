//! The capabilities of the memory store: all of them.

use crate::store::{
    ActivityStore, AuditStore, DigestStore, ErasureStore, ModerationStore, PushStore, RecountStore, Store,
};

use super::MemoryStore;

/// Has every capability.
impl Store for MemoryStore {
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
