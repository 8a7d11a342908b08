use messaging_core::{
    domain::{
        change::Change,
        message::{NewMessage, Origin},
        opening::PreparedOpen,
    },
    id::BookingId,
    store::{
        Append, Appended, ChangeState, Changed, EntryKind, MarkRead, Marked, Moved, Opened, Publisher, Stored,
    },
};
use proptest::{prop_assert_eq, test_runner::TestCaseResult};

use super::{super::naive::NaiveThread, super::step, Pair};
use crate::make::{body, booking, conversation_id, extras, key, message_id, plan};

use step::{PublisherChoice, SenderChoice, Step};

impl Pair<'_> {
    pub(super) async fn write(&mut self, step: &Step) -> TestCaseResult {
        match *step {
            Step::Open {
                client,
                agency,
                booking: linked,
                by,
            } => {
                let plan = plan(client, agency)
                    .with_id(conversation_id(self.next_id()))
                    .with_booking_id(linked.map(|n| booking(format!("b{n}"))))
                    .with_now(self.now);
                self.open(&plan, self.publisher(by)).await
            }
            Step::Send {
                to,
                from,
                key: sent_as,
                text,
                access_version,
                by,
            } => {
                let Some(nth) = self.choose(to) else { return Ok(()) };
                let conversation = self.threads[nth].conversation();
                let append = Append::new(
                    conversation.id,
                    self.access_version(nth, access_version),
                    NewMessage::new(
                        message_id(self.next_id()),
                        match from {
                            SenderChoice::System(to) => Origin::system(to),
                            SenderChoice::Side(side) => Origin::user(side, conversation.user(side).clone()),
                        },
                        body(format!("text {text}")),
                        self.now,
                    )
                    .with_extras((text % 3 == 0).then(|| extras(format!("extras {text}"))))
                    .with_idempotency_key(sent_as.map(|n| key(format!("k{n}")))),
                    self.publisher(by),
                );
                self.send(nth, &append).await
            }
            Step::Read {
                of,
                side,
                message,
                access_version,
                by,
            } => {
                let Some(nth) = self.choose(of) else { return Ok(()) };
                let messages = &self.threads[nth].messages;
                // One more than the number of messages: an unknown message.
                let chosen = messages.get(usize::from(message) % (messages.len() + 1));
                let mark = MarkRead::new(
                    self.id(nth),
                    self.access_version(nth, access_version),
                    side,
                    chosen.map_or(message_id(u64::MAX), |message| message.id),
                    self.now,
                    self.publisher(by),
                );
                let up_to = chosen.map(|message| message.seq);
                self.read(nth, &mark, up_to).await
            }
            Step::Unlink {
                of,
                booking: linked,
                by,
            } => {
                let Some(nth) = self.choose(of) else { return Ok(()) };
                self.unlink(nth, booking(format!("b{linked}")), by).await
            }
            Step::Change {
                of,
                change,
                access_version,
                by,
            } => {
                let Some(nth) = self.choose(of) else { return Ok(()) };
                let decided_on = self.threads[nth].conversation();
                let mut change = ChangeState::new(&decided_on, change.change(), self.now, self.publisher(by));
                change.access_version = self.access_version(nth, access_version);
                self.change(nth, &change).await
            }
            _ => Ok(()),
        }
    }

    async fn open(&mut self, plan: &PreparedOpen, publisher: Publisher) -> TestCaseResult {
        let answer = self.store.open(plan, publisher).await?;
        let mut threads = self.threads.iter();
        let existing = threads.position(|thread| {
            let pair = thread.conversation();
            pair.client_id == plan.client_id && pair.agent_id == plan.agent_id
        });
        let nth = existing.unwrap_or_else(|| {
            self.threads.push(NaiveThread::new(plan));
            self.threads.len() - 1
        });
        let thread = &mut self.threads[nth];
        let is_linked = plan.booking_id.clone().is_some_and(|id| thread.link(id));
        let is_news = existing.is_none() || is_linked;
        let entry = is_news.then(|| {
            let outbox = &mut thread.outbox;
            outbox.commit(EntryKind::Updated, plan.now, publisher, plan.now)
        });
        let expected = Opened::new(thread.conversation().id)
            .with_created(existing.is_none())
            .with_entry(entry);
        prop_assert_eq!(answer, expected);
        self.compare_thread(nth).await
    }

    async fn send(&mut self, nth: usize, step: &Append) -> TestCaseResult {
        let answer = self.store.append(step).await?;
        let thread = &mut self.threads[nth];
        let sender = step.message.origin.sender();
        let seen = step
            .message
            .idempotency_key
            .as_ref()
            .and_then(|key| thread.sent(sender, key));
        let expected = if let Some(row) = seen {
            Appended::Duplicate(row)
        } else if step.access_version == thread.conversation().access_version {
            let message = thread.append(&step.message);
            let kind = EntryKind::Message { seq: message.seq };
            let outbox = &mut thread.outbox;
            let entry = outbox.commit(kind, message.created_at, step.publisher, step.message.now);
            Appended::Stored(Stored::new(message, thread.conversation(), entry))
        } else {
            Appended::Conflict
        };
        prop_assert_eq!(answer, expected);
        if let Some(key) = &step.message.idempotency_key {
            let found = self.store.find_sent(step.conversation_id, sender, key).await?;
            prop_assert_eq!(found, self.threads[nth].sent(sender, key));
        }
        self.compare_thread(nth).await
    }

    async fn read(&mut self, nth: usize, step: &MarkRead, up_to: Option<u64>) -> TestCaseResult {
        let answer = self.store.mark_read(step).await?;
        let thread = &mut self.threads[nth];
        let expected = match up_to {
            _ if step.access_version != thread.conversation().access_version => Marked::Conflict,
            None => Marked::UnknownMessage,
            Some(up_to) => thread.read(step.side, up_to, step.now).map_or_else(
                |already| already,
                |receipt| {
                    let kind = EntryKind::Read {
                        side: receipt.side,
                        up_to_seq: receipt.up_to_seq,
                    };
                    let outbox = &mut thread.outbox;
                    let entry = outbox.commit(kind, receipt.read_at, step.publisher, step.now);
                    let counter = thread.counter(step.side);
                    Marked::Moved(Moved::new(receipt, counter, entry))
                },
            ),
        };
        prop_assert_eq!(answer, expected);
        self.compare_thread(nth).await
    }

    async fn unlink(&mut self, nth: usize, booking: BookingId, by: PublisherChoice) -> TestCaseResult {
        let decided_on = self.threads[nth].conversation();
        let change = Change::Unlink(booking.clone());
        let step = ChangeState::new(&decided_on, change, self.now, self.publisher(by));
        let answer = self.store.change_state(&step).await?;
        let thread = &mut self.threads[nth];
        let expected = if thread.unlink(&booking) {
            let outbox = &mut thread.outbox;
            let entry = outbox.commit(EntryKind::Updated, step.now, step.publisher, step.now);
            Changed::Done(entry)
        } else {
            Changed::AlreadySo
        };
        prop_assert_eq!(answer, expected);
        self.compare_thread(nth).await
    }

    async fn change(&mut self, nth: usize, step: &ChangeState) -> TestCaseResult {
        let answer = self.store.change_state(step).await?;
        let thread = &mut self.threads[nth];
        let lost_access = thread.conversation().loses_access(&step.change).cloned();
        let expected = if step.access_version != thread.conversation().access_version {
            Changed::Conflict
        } else if thread.apply(&step.change) {
            let outbox = &mut thread.outbox;
            outbox.next_ends_access(lost_access);
            let entry = outbox.commit(EntryKind::Updated, step.now, step.publisher, step.now);
            Changed::Done(entry)
        } else {
            Changed::AlreadySo
        };
        prop_assert_eq!(answer, expected);
        self.compare_thread(nth).await
    }
}
