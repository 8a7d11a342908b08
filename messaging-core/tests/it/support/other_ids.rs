//! Ids of several processes.

use messaging_core::{
    Timestamp,
    clock::{IdSource, SequentialIds},
};
use uuid::Uuid;

/// Ids that are unique across processes.
pub(crate) struct OtherIds {
    process: u128,
    ids: SequentialIds,
}

impl OtherIds {
    pub(crate) fn new(process: usize) -> Self {
        Self {
            process: process as u128,
            ids: SequentialIds::default(),
        }
    }
}

impl IdSource for OtherIds {
    fn new_id(&self, at: Timestamp) -> Uuid {
        Uuid::from_u128(self.ids.new_id(at).as_u128() | self.process << 40)
    }

    fn chance(&self) -> f64 {
        self.ids.chance()
    }
}
