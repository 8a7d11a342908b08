//! The look-ups of one kind that wait for a statement.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// The look-ups `L` of one kind, with answers `A`.
#[derive(Debug)]
pub(in super::super) struct Queue<L, A> {
    state: Mutex<State<L, A>>,
    /// How many statements are in progress before a look-up waits.
    at_once: usize,
}

#[derive(Debug)]
struct State<L, A> {
    in_progress: usize,
    waiting: Vec<Waiting<L, A>>,
}

#[derive(Debug)]
pub(super) struct Waiting<L, A> {
    pub(super) look_up: L,
    pub(super) answer: oneshot::Sender<A>,
}

/// How a look-up is answered.
pub(super) enum Place<A> {
    /// By a statement of its own, which is in progress until [`Queue::end`].
    Alone,
    /// By a shared one. It may end without an answer.
    Shared(oneshot::Receiver<A>),
}

impl<L: Clone, A> Queue<L, A> {
    pub(super) fn new(at_once: usize) -> Self {
        let state = State {
            in_progress: 0,
            waiting: Vec::new(),
        };
        Self {
            state: Mutex::new(state),
            at_once,
        }
    }

    pub(super) fn begin(&self, look_up: &L) -> Place<A> {
        let mut state = self.lock();
        if state.in_progress < self.at_once {
            state.in_progress += 1;
            return Place::Alone;
        }
        let (answer, answered) = oneshot::channel();
        let look_up = look_up.clone();
        state.waiting.push(Waiting { look_up, answer });
        Place::Shared(answered)
    }

    /// Notes that a statement has ended. Returns at most `max` look-ups for the next one, which is in progress then; none if
    /// no look-up waits.
    pub(super) fn end(&self, max: usize) -> Vec<Waiting<L, A>> {
        let mut state = self.lock();
        state.waiting.retain(|waiting| !waiting.answer.is_closed());
        if state.waiting.is_empty() {
            state.in_progress -= 1;
            return Vec::new();
        }
        let count = state.waiting.len().min(max);
        let rest = state.waiting.split_off(count);
        mem::replace(&mut state.waiting, rest)
    }

    fn lock(&self) -> MutexGuard<'_, State<L, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(queue: &Queue<u32, ()>, look_up: u32) {
        assert!(matches!(queue.begin(&look_up), Place::Alone), "{look_up}");
    }

    fn shared(queue: &Queue<u32, ()>, look_up: u32) -> oneshot::Receiver<()> {
        match queue.begin(&look_up) {
            Place::Shared(answered) => answered,
            Place::Alone => panic!("{look_up} is alone"),
        }
    }

    fn ended(queue: &Queue<u32, ()>, max: usize) -> Vec<u32> {
        queue
            .end(max)
            .into_iter()
            .map(|waiting| waiting.look_up)
            .collect()
    }

    #[test]
    fn look_ups_share_a_statement_once_enough_are_in_progress() {
        let queue = Queue::new(2);
        alone(&queue, 1);
        alone(&queue, 2);
        let _waiting = [3, 4, 5].map(|look_up| shared(&queue, look_up));
        assert_eq!(ended(&queue, 9), [3, 4, 5]);
        assert_eq!(ended(&queue, 9), [0; 0]);
        // Only the shared statement is in progress.
        alone(&queue, 6);
        let _waiting = shared(&queue, 7);
        assert_eq!(ended(&queue, 9), [7]);
    }

    #[test]
    fn a_statement_takes_the_oldest_look_ups_up_to_its_limit() {
        let queue = Queue::new(1);
        alone(&queue, 0);
        let _waiting = [1, 2, 3].map(|look_up| shared(&queue, look_up));
        assert_eq!(ended(&queue, 2), [1, 2]);
        assert_eq!(ended(&queue, 2), [3]);
        assert_eq!(ended(&queue, 2), [0; 0]);
        alone(&queue, 4);
    }

    #[test]
    fn a_dropped_caller_is_left_out() {
        let queue = Queue::new(1);
        alone(&queue, 0);
        drop(shared(&queue, 1));
        let _waiting = shared(&queue, 2);
        drop(shared(&queue, 3));
        assert_eq!(ended(&queue, 1), [2]);
        assert_eq!(ended(&queue, 1), [0; 0]);
        alone(&queue, 4);
    }
}
