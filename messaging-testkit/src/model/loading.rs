//! The unpublished events of the model, as a store loads them.

use messaging_core::{
    domain::message::Origin,
    store::{EntryKind, LoadedEntry, Subject},
};

use super::naive::NaiveThread;

impl NaiveThread {
    /// Returns the unpublished events from a number on, as they are loaded.
    pub(super) fn load(&self, head: u64, most: usize) -> Vec<LoadedEntry> {
        let wanted = self.outbox.waiting().iter().filter(|entry| entry.number >= head);
        let loaded = wanted.take(most).map(|entry| {
            LoadedEntry::new(entry.clone(), self.conversation(), self.subject(entry.kind))
                .with_lost_access(self.outbox.lost_access.get(&entry.number).cloned())
        });
        loaded.collect()
    }

    fn subject(&self, kind: EntryKind) -> Subject {
        match kind {
            EntryKind::Message { seq } => {
                let mut messages = self.messages.iter();
                let message = messages.find(|message| message.seq == seq);
                Subject::Message(self.row(message.expect("only what exists is an event")))
            }
            EntryKind::Read { side, up_to_seq } => {
                let is_this = |seq| seq == up_to_seq;
                let receipts: Vec<_> = self.receipts_of(side).copied().collect();
                let nth = receipts.iter().position(|receipt| is_this(receipt.up_to_seq));
                let nth = nth.expect("only what exists is an event");
                let before = nth.checked_sub(1).map_or(0, |nth| receipts[nth].up_to_seq);
                let covered = self.messages.iter().filter(|message| {
                    let theirs = matches!(message.origin, Origin::User { side: from, .. } if from != side);
                    theirs && message.seq > before && message.seq <= up_to_seq
                });
                let ids: Vec<_> = covered.map(|message| message.id).collect();
                let newest = ids.len().saturating_sub(Subject::MAX_READ_IDS);
                Subject::Read {
                    receipt: receipts[nth],
                    message_ids: ids[newest..].to_vec(),
                }
            }
            EntryKind::Updated => Subject::Updated {
                booking_id: self.bookings.last().cloned(),
            },
            other => panic!("the model does not support {other:?}"),
        }
    }
}
