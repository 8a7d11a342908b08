//! What waits for the next commit.

use std::{
    collections::{HashSet, VecDeque},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use messaging_core::{
    domain::message::SendKey,
    id::{ConversationId, MessageId},
    port::store::{Append, Appended, StoreError},
};
use tokio::sync::oneshot;

/// A message, and who waits for it.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) step: Append,
    pub(super) answer: oneshot::Sender<Result<Appended, StoreError>>,
}

impl Pending {
    /// Answers it, after which nothing of it is left to do.
    pub(super) fn settle(self, outcome: Result<Appended, StoreError>) {
        // Whoever asked may have gone away.
        self.answer.send(outcome).ok();
    }

    fn id(&self) -> (ConversationId, MessageId) {
        (self.step.conversation_id, self.step.message.id)
    }

    fn key(&self) -> Option<(ConversationId, &str, &SendKey)> {
        let Append {
            conversation_id,
            message,
            ..
        } = &self.step;
        let sender = message.origin.sender().map_or("", |user| user.as_str());
        message.key.as_ref().map(|key| (*conversation_id, sender, key))
    }
}

/// The queue holds as many as it may.
#[derive(Debug)]
pub(super) struct Full;

/// Where a message stands.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) ticket: u64,
    /// Nobody is at work: whoever pushed it has to see to it that rounds are taken.
    pub(super) is_first: bool,
}

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(u64, Pending)>,
    next_ticket: u64,
    is_running: bool,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::default(),
            capacity,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, pending: Pending) -> Result<Place, Full> {
        let mut state = self.lock();
        if state.waiting.len() >= self.capacity {
            return Err(Full);
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back((ticket, pending));
        Ok(Place {
            ticket,
            is_first: !mem::replace(&mut state.is_running, true),
        })
    }

    /// Takes a message back. `false` when it no longer waits.
    pub(super) fn withdraw(&self, ticket: u64) -> bool {
        let waiting = &mut self.lock().waiting;
        match waiting.binary_search_by_key(&ticket, |(ticket, _)| *ticket) {
            Ok(at) => waiting.remove(at).is_some(),
            Err(_) => false,
        }
    }

    /// The next to be committed together, in the order in which they came; `None`, and nobody at work, when nothing
    /// waits. Leaves out whom nobody waits for any more. A key or an id is in a round once: who comes second with it
    /// waits for the next, and finds there what the first has stored.
    pub(super) fn next_round(&self, max: usize) -> Option<Vec<Pending>> {
        let mut state = self.lock();
        let (mut round, mut later) = (Vec::new(), VecDeque::new());
        let waiting = mem::take(&mut state.waiting);
        let mut taken = Taken::default();
        for (ticket, pending) in waiting {
            if pending.answer.is_closed() {
                continue;
            }
            if round.len() < max && taken.takes(&pending) {
                round.push(pending);
            } else {
                later.push_back((ticket, pending));
            }
        }
        state.waiting = later;
        state.is_running = !round.is_empty();
        state.is_running.then_some(round)
    }

    /// Nobody is at work any more. Returns what waits.
    pub(super) fn abandon(&self) -> Vec<Pending> {
        let mut state = self.lock();
        state.is_running = false;
        let waiting = mem::take(&mut state.waiting);
        waiting.into_iter().map(|(_, pending)| pending).collect()
    }
}

/// The ids and keys of a round.
#[derive(Default)]
struct Taken {
    ids: HashSet<(ConversationId, MessageId)>,
    keys: HashSet<(ConversationId, String, String)>,
}

impl Taken {
    fn takes(&mut self, pending: &Pending) -> bool {
        let key = pending
            .key()
            .map(|(of, sender, key)| (of, sender.to_owned(), key.as_str().to_owned()));
        if key.as_ref().is_some_and(|key| self.keys.contains(key)) || !self.ids.insert(pending.id()) {
            return false;
        }
        self.keys.extend(key);
        true
    }
}

#[cfg(test)]
mod tests {
    use messaging_core::{domain::side::Side, port::store::Publisher};
    use messaging_testkit::make;
    use messaging_testkit::make::{client_id, conversation_id, key, message_id};

    use super::*;

    type Answered = oneshot::Receiver<Result<Appended, StoreError>>;

    fn message(n: u32) -> (Pending, Answered) {
        let (answer, answered) = oneshot::channel();
        let step = Append {
            conversation_id: conversation_id(1),
            guard: 0,
            message: make::message(n, Side::Client, &client_id(1)),
            publisher: Publisher::Anyone,
        };
        (Pending { step, answer }, answered)
    }

    fn with_key(n: u32, name: &str) -> (Pending, Answered) {
        let (mut pending, answered) = message(n);
        pending.step.message.key = Some(key(name));
        (pending, answered)
    }

    fn ids(round: Option<Vec<Pending>>) -> Vec<MessageId> {
        let round = round.unwrap_or_default();
        round.iter().map(|pending| pending.step.message.id).collect()
    }

    #[test]
    fn a_round_takes_what_waits_in_its_order_and_no_more_than_it_may() {
        let queue = Queue::new(9);
        let (one, _answer1) = message(1);
        let (two, _answer2) = message(2);
        let (three, _answer3) = message(3);
        assert!(queue.push(one).unwrap().is_first);
        assert!(!queue.push(two).unwrap().is_first);
        queue.push(three).unwrap();
        assert_eq!(ids(queue.next_round(2)), [message_id(1), message_id(2)]);
        assert_eq!(ids(queue.next_round(2)), [message_id(3)]);
    }

    #[test]
    fn where_nothing_waits_nobody_is_at_work() {
        let queue = Queue::new(9);
        let (one, _answer1) = message(1);
        let (two, _answer2) = message(2);
        queue.push(one).unwrap();
        assert!(queue.next_round(9).is_some());
        assert!(queue.next_round(9).is_none());
        assert!(queue.push(two).unwrap().is_first);
    }

    #[test]
    fn a_full_queue_takes_no_more() {
        let queue = Queue::new(1);
        let (one, _answer1) = message(1);
        let (two, _answer2) = message(2);
        queue.push(one).unwrap();
        assert!(queue.push(two).is_err());
        assert_eq!(ids(queue.next_round(9)), [message_id(1)]);
    }

    #[test]
    fn what_still_waits_can_be_taken_back() {
        let queue = Queue::new(9);
        let (one, _answer1) = message(1);
        let (two, _answer2) = message(2);
        let one = queue.push(one).unwrap().ticket;
        let two = queue.push(two).unwrap().ticket;
        assert!(queue.withdraw(two));
        assert!(!queue.withdraw(two));
        assert_eq!(ids(queue.next_round(9)), [message_id(1)]);
        assert!(!queue.withdraw(one));
    }

    #[test]
    fn what_nobody_waits_for_is_not_committed() {
        let queue = Queue::new(9);
        let (one, answered) = message(1);
        let (two, _answer2) = message(2);
        queue.push(one).unwrap();
        queue.push(two).unwrap();
        drop(answered);
        assert_eq!(ids(queue.next_round(9)), [message_id(2)]);
    }

    #[test]
    fn a_key_is_in_a_round_once() {
        let queue = Queue::new(9);
        let (one, _answer1) = with_key(1, "a");
        let (two, _answer2) = with_key(2, "a");
        let (three, _answer3) = with_key(3, "b");
        for pending in [one, two, three] {
            queue.push(pending).unwrap();
        }
        assert_eq!(ids(queue.next_round(9)), [message_id(1), message_id(3)]);
        assert_eq!(ids(queue.next_round(9)), [message_id(2)]);
    }

    #[test]
    fn an_id_is_in_a_round_once() {
        let queue = Queue::new(9);
        let (one, _answer1) = message(1);
        let (again, _answer2) = with_key(1, "a");
        queue.push(one).unwrap();
        queue.push(again).unwrap();
        assert_eq!(ids(queue.next_round(9)), [message_id(1)]);
        assert_eq!(ids(queue.next_round(9)), [message_id(1)]);
    }

    #[test]
    fn a_queue_that_was_abandoned_begins_anew() {
        let queue = Queue::new(9);
        let (one, _answer1) = message(1);
        let (two, _answer2) = message(2);
        queue.push(one).unwrap();
        assert_eq!(queue.abandon().len(), 1);
        assert!(queue.push(two).unwrap().is_first);
    }
}
