use std::collections::BTreeMap;

use messaging_core::{
    domain::side::Side,
    id::ConversationId,
    port::store::{Entry, EntryKind},
};

use super::{Findings, Recount, thread::Thread};

impl Recount {
    /// Compares with what a relay handed to the transport: all entries, in the order in which it did so,
    /// repetitions too. Finds what was published out of order or never, set-aside events excepted.
    ///
    /// To be called when nothing waits to be published any more.
    #[must_use]
    pub fn with_published(mut self, log: &[Entry]) -> Self {
        let mut first: BTreeMap<ConversationId, Vec<&Entry>> = BTreeMap::new();
        for entry in log {
            let of = first.entry(entry.conversation_id).or_default();
            match of.iter().find(|one| one.number == entry.number) {
                None => of.push(entry),
                Some(earlier) => {
                    self.findings
                        .same(format_args!("an event published again"), &entry, earlier);
                }
            }
        }
        for (id, thread) in &self.threads {
            let published = first.remove(id).unwrap_or_default();
            let aside = self.set_aside.iter().map(|one| &one.entry);
            let aside: Vec<_> = aside.filter(|entry| entry.conversation_id == *id).collect();
            check(thread, &published, &aside, &mut self.findings);
        }
        self.findings.same(
            format_args!("what was published of nothing"),
            &first,
            &BTreeMap::new(),
        );
        self
    }
}

fn check(thread: &Thread, published: &[&Entry], aside: &[&Entry], findings: &mut Findings) {
    let id = thread.id();
    let numbers = |entries: &[&Entry]| -> Vec<u64> { entries.iter().map(|one| one.number).collect() };
    findings.unless(published.is_sorted_by_key(|one| one.number), || {
        format!("{id} was published out of order: {:?}", numbers(published))
    });
    let mut all = [published, aside].concat();
    all.sort_by_key(|one| one.number);
    all.dedup();
    let dense: Vec<_> = (1..=all.len() as u64).collect();
    findings.same(format_args!("what was published of {id}"), &numbers(&all), &dense);

    let seqs: Vec<_> = all.iter().filter_map(|one| seq(one.kind)).collect();
    let messages: Vec<_> = thread.rows.iter().map(|row| row.message.seq).collect();
    findings.same(format_args!("the messages published of {id}"), &seqs, &messages);
    for side in Side::ALL {
        let reads: Vec<_> = all.iter().filter_map(|one| read_by(side, one.kind)).collect();
        findings.unless(reads.is_sorted_by(|a, b| a < b), || {
            format!("{side:?} of {id} read backwards: {reads:?}")
        });
        let mark = thread.conversation().mailboxes.of(side).last_read;
        let mark = mark.map(|mark| mark.up_to_seq);
        findings.same(
            format_args!("the last reading of {side:?} published of {id}"),
            &reads.last().copied(),
            &mark,
        );
    }
}

fn seq(kind: EntryKind) -> Option<u64> {
    match kind {
        EntryKind::Message { seq } => Some(seq),
        _ => None,
    }
}

fn read_by(by: Side, kind: EntryKind) -> Option<u64> {
    match kind {
        EntryKind::Read { side, up_to_seq } => (side == by).then_some(up_to_seq),
        _ => None,
    }
}
