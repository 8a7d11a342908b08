//! The queue of messages for the next commit.
//!
//! Messages to a conversation whose row another transaction has locked are in a separate queue of that
//! conversation: rounds continue without them, and one task waits for the row.

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

/// A waiting message, and the channel to its caller.
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

    /// Sends the result to the caller.
    pub(super) fn answer(self, outcome: Result<Appended, StoreError>) {
        // The caller may have been dropped.
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
        message
            .idempotency_key
            .as_ref()
            .map(|key| (*conversation_id, sender, key))
    }
}

/// The queue is at its capacity.
#[derive(Debug)]
pub(super) struct Full;

/// The position of a queued message.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) ticket: u64,
    /// The queue was idle: the caller starts the task that takes rounds.
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
    /// The queued messages of locked conversations. Each entry has a task.
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

    /// Queues a message. The queue of a locked conversation has the same capacity, counted separately.
    pub(super) fn push(&self, mut pending: Pending) -> Result<Place, Full> {
        let mut state = self.lock();
        let ticket = state.next_ticket;
        pending.ticket = ticket;
        let locked = state.locked.get_mut(&pending.step.conversation_id);
        let is_locked = locked.is_some();
        let queue = match locked {
            Some(queue) => queue,
            None => &mut state.waiting,
        };
        if queue.len() >= self.capacity {
            return Err(Full);
        }
        queue.push_back(pending);
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

    /// Removes a message. Returns `false` when it no longer waits.
    pub(super) fn withdraw(&self, ticket: u64) -> bool {
        let mut state = self.lock();
        let State { waiting, locked, .. } = &mut *state;
        std::iter::once(waiting).chain(locked.values_mut()).any(|queue| {
            let at = queue.binary_search_by_key(&ticket, |pending| pending.ticket);
            at.is_ok_and(|at| queue.remove(at).is_some())
        })
    }

    /// Queues a round's skipped messages per locked conversation, before later ones. Returns the conversations
    /// whose queue is new: the caller starts a task for each.
    pub(super) fn hold(&self, skipped: Vec<Pending>) -> Vec<ConversationId> {
        let mut state = self.lock();
        let State { waiting, locked, .. } = &mut *state;
        let mut new = Vec::new();
        for pending in skipped {
            let of = pending.step.conversation_id;
            let queue = locked.entry(of).or_insert_with(|| {
                new.push(of);
                VecDeque::new()
            });
            queue.push_back(pending);
        }
        for pending in mem::take(waiting) {
            match locked.get_mut(&pending.step.conversation_id) {
                Some(queue) => queue.push_back(pending),
                None => waiting.push_back(pending),
            }
        }
        new
    }

    /// Takes the next messages of a locked conversation; removes its queue and returns `None` when none waits.
    pub(super) fn next_locked(&self, of: ConversationId, max: usize) -> Option<Vec<Pending>> {
        let mut state = self.lock();
        let group = take(state.locked.get_mut(&of)?, max);
        if group.is_empty() {
            state.locked.remove(&of);
            return None;
        }
        Some(group)
    }

    /// Removes the queue of a locked conversation when its task ends early. Returns its messages.
    pub(super) fn abandon_locked(&self, of: ConversationId) -> Vec<Pending> {
        self.lock().locked.remove(&of).unwrap_or_default().into()
    }

    /// Takes the messages of the next round, in order. Marks the queue idle and returns `None` when none waits.
    /// Drops messages whose caller is gone. A key or an id is in a round once: the second message with it waits
    /// for the next round, which finds the first one stored.
    pub(super) fn next_round(&self, max: usize) -> Option<Vec<Pending>> {
        let mut state = self.lock();
        let round = take(&mut state.waiting, max);
        state.is_running = !round.is_empty();
        state.is_running.then_some(round)
    }

    /// Marks the queue idle when its task ends early. Returns its messages.
    pub(super) fn abandon(&self) -> Vec<Pending> {
        let mut state = self.lock();
        state.is_running = false;
        mem::take(&mut state.waiting).into()
    }
}

/// Takes the messages of one round from the front of a queue.
fn take(queue: &mut VecDeque<Pending>, max: usize) -> Vec<Pending> {
    let (mut group, mut later) = (Vec::new(), VecDeque::new());
    let mut taken = Taken::default();
    for pending in mem::take(queue) {
        if pending.answer.is_closed() {
            continue;
        }
        if group.len() < max && taken.takes(&pending) {
            group.push(pending);
        } else {
            later.push_back(pending);
        }
    }
    *queue = later;
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
        let step = Append::new(
            conversation_id(1),
            0,
            make::message(n, Side::Client, &client_id(1)),
            Publisher::Anyone,
        );
        (Pending::new(step, answer), answered)
    }

    fn with_key(n: u32, name: &str) -> (Pending, Answered) {
        let (mut pending, answered) = message(n);
        pending.step.message.idempotency_key = Some(key(name));
        (pending, answered)
    }

    fn ids(round: Option<Vec<Pending>>) -> Vec<MessageId> {
        let round = round.unwrap_or_default();
        round.iter().map(|pending| pending.step.message.id).collect()
    }

    #[test]
    fn a_round_takes_pending_messages_in_order_up_to_its_limit() {
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
    fn an_empty_queue_has_no_committer() {
        let queue = Queue::new(9);
        let (one, _answer1) = message(1);
        let (two, _answer2) = message(2);
        queue.push(one).unwrap();
        assert!(queue.next_round(9).is_some());
        assert!(queue.next_round(9).is_none());
        assert!(queue.push(two).unwrap().is_first);
    }

    #[test]
    fn a_full_queue_refuses_messages() {
        let queue = Queue::new(1);
        let (one, _answer1) = message(1);
        let (two, _answer2) = message(2);
        queue.push(one).unwrap();
        assert!(queue.push(two).is_err());
        assert_eq!(ids(queue.next_round(9)), [message_id(1)]);
    }

    #[test]
    fn a_pending_message_can_be_withdrawn() {
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
    fn an_abandoned_message_is_not_committed() {
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
    fn messages_to_a_locked_conversation_keep_their_order_in_its_own_queue() {
        let queue = Queue::new(9);
        let mut answers = Vec::new();
        let push = |n, conversation| {
            let (pending, answer) = to(n, conversation);
            (queue.push(pending).unwrap(), answer)
        };
        answers.push(push(1, 1));
        let round = queue.next_round(9).unwrap();
        // These messages arrive while the round is in progress.
        answers.extend([push(2, 1), push(3, 2)]);
        assert_eq!(queue.hold(round), [conversation_id(1)]);
        let (place, answer) = push(4, 1);
        assert!(!place.is_first, "a task was requested already");
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
        assert!(place.is_first, "the conversation has no backlog any more");
        assert_eq!(ids(queue.next_round(9)), [message_id(5)]);
    }

    #[test]
    fn a_locked_conversation_does_not_block_the_queue() {
        let queue = Queue::new(2);
        let (one, _answer1) = to(1, 1);
        queue.push(one).unwrap();
        queue.hold(queue.next_round(9).unwrap());
        let (two, _answer2) = to(2, 1);
        let (three, _answer3) = to(3, 1);
        queue.push(two).unwrap();
        assert!(queue.push(three).is_err(), "the conversation's queue is full");
        for n in 4..6 {
            let (other, answer) = to(n, 2);
            queue.push(other).unwrap();
            drop(answer);
        }
        assert_eq!(queue.abandon_locked(conversation_id(1)).len(), 2);
    }

    #[test]
    fn an_abandoned_queue_restarts() {
        let queue = Queue::new(9);
        let (one, _answer1) = message(1);
        let (two, _answer2) = message(2);
        queue.push(one).unwrap();
        assert_eq!(queue.abandon().len(), 1);
        assert!(queue.push(two).unwrap().is_first);
    }
}
