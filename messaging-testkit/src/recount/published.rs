use std::collections::BTreeMap;

use messaging_core::{
    domain::side::Side,
    id::ConversationId,
    store::{Entry, EntryKind},
};

use super::{Recount, findings::Findings, thread::Thread};

impl Recount {
    /// Compares the recount with what a relay handed to the transport, in order and including repetitions, and
    /// with the requeued entries as they were as dead letters.
    ///
    /// The first publications of a conversation's events are in the order of their numbers, and every event is
    /// published, a dead letter, or requeued. Excluding requeued returns, the events match the history in
    /// order: each message once, and each side's read positions increasing. Every requeued event returns once,
    /// under a larger number.
    ///
    /// Call it when no event waits to be published.
    #[must_use]
    pub fn with_published(mut self, log: &[Entry], requeued: &[Entry]) -> Self {
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
            let dead = self.dead_letters.iter().map(|one| &one.entry);
            let dead: Vec<_> = dead.filter(|entry| entry.conversation_id == *id).collect();
            let requeued = requeued.iter().filter(|entry| entry.conversation_id == *id);
            let events = Events {
                published,
                dead,
                requeued: requeued.collect(),
            };
            events.check(thread, &mut self.findings);
        }
        self.findings.same(
            format_args!("the events published for unknown conversations"),
            &first,
            &BTreeMap::new(),
        );
        self
    }
}

/// The outcome of each event of a conversation.
struct Events<'a> {
    /// In the order of their first publication.
    published: Vec<&'a Entry>,
    dead: Vec<&'a Entry>,
    requeued: Vec<&'a Entry>,
}

impl Events<'_> {
    fn check(&self, thread: &Thread, findings: &mut Findings) {
        let id = thread.id();
        let numbers = |entries: &[&Entry]| -> Vec<u64> { entries.iter().map(|one| one.number).collect() };
        let published = &self.published;
        findings.unless(published.is_sorted_by_key(|one| one.number), || {
            format!("{id} was published out of order: {:?}", numbers(published))
        });
        let mut all = [&self.published[..], &self.dead, &self.requeued].concat();
        all.sort_by_key(|one| one.number);
        all.dedup();
        let dense: Vec<_> = (1..=all.len() as u64).collect();
        findings.same(
            format_args!("the outcome of each event of {id}"),
            &numbers(&all),
            &dense,
        );
        self.check_published(&all, thread, findings);
    }

    /// Checks all events, by number.
    fn check_published(&self, all: &[&Entry], thread: &Thread, findings: &mut Findings) {
        let id = thread.id();
        let mut told = Vec::new();
        let mut to_return = Vec::new();
        for entry in all {
            match to_return.iter().position(|kind| *kind == entry.kind) {
                Some(returned) => drop(to_return.swap_remove(returned)),
                None => told.push(entry.kind),
            }
            let requeued = self.requeued.iter().filter(|one| one.number == entry.number);
            to_return.extend(requeued.map(|one| one.kind));
        }
        findings.same(
            format_args!("the events of {id} that were requeued and not published again"),
            &to_return,
            &Vec::new(),
        );
        let seqs: Vec<_> = told.iter().copied().filter_map(seq).collect();
        let messages: Vec<_> = thread.rows.iter().map(|row| row.message.seq).collect();
        findings.same(format_args!("the messages published of {id}"), &seqs, &messages);
        for side in Side::ALL {
            let reads: Vec<_> = told.iter().filter_map(|kind| read_by(side, *kind)).collect();
            findings.unless(reads.is_sorted_by(|a, b| a < b), || {
                format!("{side:?} of {id} has decreasing read positions: {reads:?}")
            });
            let mark = thread.conversation().counters.of(side).last_read;
            let mark = mark.map(|mark| mark.up_to_seq);
            findings.same(
                format_args!("the last published read position of {side:?} in {id}"),
                &reads.last().copied(),
                &mark,
            );
        }
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
