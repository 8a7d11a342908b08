//! The bounded send queue of one connection.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{close::Close, frame::Frame};

/// The bounded send queue of one connection. Pushing never blocks: on overflow the queue is cleared and the connection
/// is closed with [`Close::TooSlow`], so that a slow reader costs other connections neither time nor memory.
#[derive(Debug)]
pub(super) struct SendQueue {
    max_frames: usize,
    max_bytes: usize,
    state: Mutex<QueueState>,
    filled: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct QueueState {
    frames: VecDeque<Frame>,
    bytes: usize,
    close: Option<Close>,
}

/// The next item to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outgoing {
    Frame(Frame),
    Close(Close),
}

impl SendQueue {
    pub(super) fn new(max_frames: usize, max_bytes: usize) -> Self {
        Self {
            max_frames,
            max_bytes,
            state: Mutex::default(),
            filled: Notify::new(),
            closed: Notify::new(),
        }
    }

    /// Appends a frame. Does nothing once the connection is closing.
    pub(super) fn push(&self, frame: Frame) {
        let mut state = self.lock();
        if state.close.is_some() {
            return;
        }
        // The frame's own length does not count: any single frame fits.
        if state.frames.len() < self.max_frames && state.bytes < self.max_bytes {
            state.push(frame);
            self.filled.notify_one();
        } else {
            state.clear();
            self.start_closing(state, Close::TooSlow);
        }
    }

    /// Clears the queue and closes the connection with [`Close::TooSlow`], unless it is closing already.
    pub(super) fn close_as_too_slow(&self) {
        let mut state = self.lock();
        if state.close.is_none() {
            state.clear();
            self.start_closing(state, Close::TooSlow);
        }
    }

    /// Closes the connection after the queued frames are sent. The first reason wins.
    pub(super) fn close(&self, close: Close) {
        let state = self.lock();
        if state.close.is_none() {
            self.start_closing(state, close);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.close_reason().is_some()
    }

    /// The reason for closing, or `None` while the connection is open.
    pub(super) fn close_reason(&self) -> Option<Close> {
        self.lock().close
    }

    /// Waits until the connection is closing. At most one concurrent caller.
    pub(super) async fn closed(&self) {
        while !self.is_closed() {
            self.closed.notified().await;
        }
    }

    /// The next item, or `None` if the queue is empty. Once closing, the last item is [`Outgoing::Close`], returned
    /// again by every further call.
    pub(super) fn try_next(&self) -> Option<Outgoing> {
        let mut state = self.lock();
        match state.frames.pop_front() {
            Some(frame) => {
                state.bytes -= frame.len();
                Some(Outgoing::Frame(frame))
            }
            None => state.close.map(Outgoing::Close),
        }
    }

    /// Waits for the next item. Cancel-safe. At most one concurrent caller.
    pub(super) async fn next(&self) -> Outgoing {
        loop {
            if let Some(outgoing) = self.try_next() {
                return outgoing;
            }
            self.filled.notified().await;
        }
    }

    fn start_closing(&self, mut state: MutexGuard<'_, QueueState>, close: Close) {
        state.push(Frame::error(Some(close.code()), close.reason()));
        state.close = Some(close);
        self.filled.notify_one();
        self.closed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    fn push(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Frees the memory too: no more frames follow.
    fn clear(&mut self) {
        self.frames = VecDeque::new();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(queue: &SendQueue) -> Vec<Outgoing> {
        let mut sent = Vec::new();
        while let Some(outgoing) = queue.try_next() {
            let is_close = matches!(outgoing, Outgoing::Close(_));
            sent.push(outgoing);
            if is_close {
                break;
            }
        }
        sent
    }

    fn close_frames(close: Close) -> [Outgoing; 2] {
        let error = Frame::error(Some(close.code()), close.reason());
        [Outgoing::Frame(error), Outgoing::Close(close)]
    }

    #[test]
    fn queued_frames_are_sent_before_the_close() {
        let queue = SendQueue::new(8, 1000);
        queue.push(Frame::ping());
        queue.close(Close::GoingAway);
        queue.close(Close::NoPong);
        queue.push(Frame::pong());
        let [error, close] = close_frames(Close::GoingAway);
        assert_eq!(sent(&queue), [Outgoing::Frame(Frame::ping()), error, close]);
    }

    #[test]
    fn exceeding_the_frame_limit_clears_the_queue() {
        let queue = SendQueue::new(2, 1000);
        for _ in 0..3 {
            queue.push(Frame::ping());
        }
        assert_eq!(sent(&queue), close_frames(Close::TooSlow));
    }

    #[test]
    fn exceeding_the_byte_limit_clears_the_queue() {
        let queue = SendQueue::new(100, 2 * Frame::ping().len() + 1);
        for _ in 0..3 {
            queue.push(Frame::ping());
        }
        assert!(!queue.is_closed());
        queue.push(Frame::ping());
        assert_eq!(sent(&queue), close_frames(Close::TooSlow));
    }

    #[test]
    fn a_frame_of_any_length_fits() {
        let queue = SendQueue::new(2, 100);
        let long = Frame::error(None, &"x".repeat(10_000));
        queue.push(Frame::ping());
        queue.push(long.clone());
        assert_eq!(
            sent(&queue),
            [Outgoing::Frame(Frame::ping()), Outgoing::Frame(long)]
        );
    }

    #[test]
    fn a_connection_closed_as_too_slow_receives_only_the_close() {
        let queue = SendQueue::new(2, 1000);
        queue.push(Frame::ping());
        queue.close_as_too_slow();
        queue.close_as_too_slow();
        assert_eq!(sent(&queue), close_frames(Close::TooSlow));
    }

    #[test]
    fn sending_a_frame_frees_its_place() {
        let queue = SendQueue::new(1, Frame::ping().len());
        for _ in 0..10 {
            queue.push(Frame::ping());
            assert_eq!(queue.try_next(), Some(Outgoing::Frame(Frame::ping())));
        }
        assert_eq!(queue.try_next(), None);
    }

    #[tokio::test]
    async fn waiting_callers_are_woken() {
        let queue = SendQueue::new(2, 1000);
        let (first, ()) = tokio::join!(queue.next(), async { queue.push(Frame::ping()) });
        assert_eq!(first, Outgoing::Frame(Frame::ping()));
        tokio::join!(queue.closed(), async { queue.close(Close::GoingAway) });
    }
}
