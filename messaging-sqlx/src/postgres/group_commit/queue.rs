//! What waits for the next commit.
//!
//! Messages to a conversation whose row another transaction has locked stand apart, in a line of that conversation's
//! own: rounds go on without them, and one task waits for the row.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use messaging_core::{
    domain::message::IdempotencyKey,
    id::{ConversationId, MessageId},
    store::{Append, Appended, StoreError},
};
use tokio::sync::oneshot;

/// A message, and who waits for it.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) step: Append,
    answer: oneshot::Sender<Result<Appended, StoreError>>,
    /// Its number in the order of the queue.
    ticket: u64,
}

impl Pending {
    pub(super) fn new(step: Append, answer: oneshot::Sender<Result<Appended, StoreError>>) -> Self {
        Self {
            step,
            answer,
            ticket: 0,
        }
    }

    /// Answers it, after which nothing of it is left to do.
    pub(super) fn answer(self, outcome: Result<Appended, StoreError>) {
        // Whoever asked may have gone away.
        self.answer.send(outcome).ok();
    }

    fn id(&self) -> (ConversationId, MessageId) {
        (self.step.conversation_id, self.step.message.id)
    }

    fn key(&self) -> Option<(ConversationId, &str, &IdempotencyKey)> {
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
    waiting: VecDeque<Pending>,
    /// The lines of conversations that are locked elsewhere. Each has a task as long as it is here.
    locked: HashMap<ConversationId, VecDeque<Pending>>,
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

    /// Puts a message in line. A line of a locked conversation holds as many as a queue, and counts by itself.
    pub(super) fn push(&self, mut pending: Pending) -> Result<Place, Full> {
        let mut state = self.lock();
        let ticket = state.next_ticket;
        pending.ticket = ticket;
        let locked = state.locked.get_mut(&pending.step.conversation_id);
        let is_locked = locked.is_some();
        let line = match locked {
            Some(line) => line,
            None => &mut state.waiting,
        };
        if line.len() >= self.capacity {
            return Err(Full);
        }
        line.push_back(pending);
        state.next_ticket += 1;
        if is_locked {
            return Ok(Place {
                ticket,
                is_first: false,
            });
        }
        Ok(Place {
            ticket,
            is_first: !mem::replace(&mut state.is_running, true),
        })
    }

    /// Takes a message back. `false` when it no longer waits.
    pub(super) fn withdraw(&self, ticket: u64) -> bool {
        let mut state = self.lock();
        let State { waiting, locked, .. } = &mut *state;
        std::iter::once(waiting).chain(locked.values_mut()).any(|line| {
            let at = line.binary_search_by_key(&ticket, |pending| pending.ticket);
            at.is_ok_and(|at| line.remove(at).is_some())
        })
    }

    /// Puts messages of a round, whose conversations are locked elsewhere, in lines of their own, each before what came
    /// after it. Returns the conversations that have a line only now: whoever calls has to see to each of them.
    pub(super) fn hold(&self, skipped: Vec<Pending>) -> Vec<ConversationId> {
        let mut state = self.lock();
        let State { waiting, locked, .. } = &mut *state;
        let mut new = Vec::new();
        for pending in skipped {
            let of = pending.step.conversation_id;
            let line = locked.entry(of).or_insert_with(|| {
                new.push(of);
                VecDeque::new()
            });
            line.push_back(pending);
        }
        for pending in mem::take(waiting) {
            match locked.get_mut(&pending.step.conversation_id) {
                Some(line) => line.push_back(pending),
                None => waiting.push_back(pending),
            }
        }
        new
    }

    /// Takes the next messages of a locked conversation's line; `None`, and no line, when none waits in it.
    pub(super) fn next_locked(&self, of: ConversationId, max: usize) -> Option<Vec<Pending>> {
        let mut state = self.lock();
        let group = take(state.locked.get_mut(&of)?, max);
        if group.is_empty() {
            state.locked.remove(&of);
            return None;
        }
        Some(group)
    }

    /// Nobody waits for a locked conversation's row any more. Returns what stands in its line.
    pub(super) fn abandon_locked(&self, of: ConversationId) -> Vec<Pending> {
        self.lock().locked.remove(&of).unwrap_or_default().into()
    }

    /// The next to be committed together, in the order in which they came; `None`, and nobody at work, when nothing
    /// waits. Leaves out whom nobody waits for any more. A key or an id is in a round once: who comes second with it
    /// waits for the next, and finds there what the first has stored.
    pub(super) fn next_round(&self, max: usize) -> Option<Vec<Pending>> {
        let mut state = self.lock();
        let round = take(&mut state.waiting, max);
        state.is_running = !round.is_empty();
        state.is_running.then_some(round)
    }

    /// Nobody is at work any more. Returns what waits.
    pub(super) fn abandon(&self) -> Vec<Pending> {
        let mut state = self.lock();
        state.is_running = false;
        mem::take(&mut state.waiting).into()
    }
}

/// Takes what goes together from the beginning of a line.
fn take(line: &mut VecDeque<Pending>, max: usize) -> Vec<Pending> {
    let (mut group, mut later) = (Vec::new(), VecDeque::new());
    let mut taken = Taken::default();
    for pending in mem::take(line) {
        if pending.answer.is_closed() {
            continue;
        }
        if group.len() < max && taken.takes(&pending) {
            group.push(pending);
        } else {
            later.push_back(pending);
        }
    }
    *line = later;
    group
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
    use messaging_core::{domain::side::Side, store::Publisher};
    use messaging_testkit::make;
    use messaging_testkit::make::{client_id, conversation_id, key, message_id};

    use super::*;

    type Answered = oneshot::Receiver<Result<Appended, StoreError>>;

    fn message(n: u32) -> (Pending, Answered) {
        let (answer, answered) = oneshot::channel();
        let step = Append {
            conversation_id: conversation_id(1),
            access_version: 0,
            message: make::message(n, Side::Client, &client_id(1)),
            publisher: Publisher::Anyone,
        };
        (Pending::new(step, answer), answered)
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

    fn to(n: u32, conversation: u64) -> (Pending, Answered) {
        let (mut pending, answered) = message(n);
        pending.step.conversation_id = conversation_id(conversation);
        (pending, answered)
    }

    #[test]
    fn messages_to_a_locked_conversation_keep_their_order_in_one_line_of_its_own() {
        let queue = Queue::new(9);
        let mut answers = Vec::new();
        let push = |n, conversation| {
            let (pending, answer) = to(n, conversation);
            (queue.push(pending).unwrap(), answer)
        };
        answers.push(push(1, 1));
        let round = queue.next_round(9).unwrap();
        // They come while the round is tried.
        answers.extend([push(2, 1), push(3, 2)]);
        assert_eq!(queue.hold(round), [conversation_id(1)]);
        let (place, answer) = push(4, 1);
        assert!(!place.is_first, "a task has been asked for already");
        answers.push((place, answer));
        assert_eq!(ids(queue.next_round(9)), [message_id(3)]);
        assert!(queue.next_round(9).is_none());

        assert!(queue.withdraw(answers[1].0.ticket));
        assert_eq!(
            ids(queue.next_locked(conversation_id(1), 9)),
            [message_id(1), message_id(4)]
        );
        assert!(queue.next_locked(conversation_id(1), 9).is_none());
        let (place, _answer) = push(5, 1);
        assert!(place.is_first, "it is one as any other again");
        assert_eq!(ids(queue.next_round(9)), [message_id(5)]);
    }

    #[test]
    fn a_locked_conversation_leaves_the_queue_to_others() {
        let queue = Queue::new(2);
        let (one, _answer1) = to(1, 1);
        queue.push(one).unwrap();
        queue.hold(queue.next_round(9).unwrap());
        let (two, _answer2) = to(2, 1);
        let (three, _answer3) = to(3, 1);
        queue.push(two).unwrap();
        assert!(queue.push(three).is_err(), "its own line is full");
        for n in 4..6 {
            let (other, answer) = to(n, 2);
            queue.push(other).unwrap();
            drop(answer);
        }
        assert_eq!(queue.abandon_locked(conversation_id(1)).len(), 2);
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
