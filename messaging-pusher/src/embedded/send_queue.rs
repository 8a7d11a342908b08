//! What waits to be sent over one connection.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{close::Close, frame::Frame};

/// What waits to be sent over one connection, bounded. Putting something in never waits: if it does not fit,
/// what waits is dropped and the connection is to be ended with [`Close::TooSlow`], so that whoever reads
/// slowly costs others neither time nor memory.
#[derive(Debug)]
pub(super) struct SendQueue {
    most_frames: usize,
    most_bytes: usize,
    waiting: Mutex<Waiting>,
    filled: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Frame>,
    bytes: usize,
    close: Option<Close>,
}

/// What to send next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outgoing {
    Frame(Frame),
    Close(Close),
}

impl SendQueue {
    pub(super) fn new(most_frames: usize, most_bytes: usize) -> Self {
        Self {
            most_frames,
            most_bytes,
            waiting: Mutex::default(),
            filled: Notify::new(),
            closed: Notify::new(),
        }
    }

    /// Puts a frame behind those that wait. Does nothing once the connection is to be closed.
    pub(super) fn push(&self, frame: Frame) {
        let mut waiting = self.lock();
        if waiting.close.is_some() {
            return;
        }
        // The bytes that wait already count, not the frame's own: any one frame fits.
        if waiting.frames.len() < self.most_frames && waiting.bytes < self.most_bytes {
            waiting.push(frame);
            self.filled.notify_one();
        } else {
            waiting.clear();
            self.end(waiting, Close::TooSlow);
        }
    }

    /// Drops what waits and ends the connection with [`Close::TooSlow`], unless it is to be closed already.
    pub(super) fn give_up(&self) {
        let mut waiting = self.lock();
        if waiting.close.is_none() {
            waiting.clear();
            self.end(waiting, Close::TooSlow);
        }
    }

    /// Ends the connection once what waits has been sent. The first reason stands.
    pub(super) fn close(&self, close: Close) {
        let waiting = self.lock();
        if waiting.close.is_none() {
            self.end(waiting, close);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.close_reason().is_some()
    }

    /// Why the connection is to be closed, if it is.
    pub(super) fn close_reason(&self) -> Option<Close> {
        self.lock().close
    }

    /// Returns when the connection is to be closed. For one caller at a time.
    pub(super) async fn closed(&self) {
        while !self.is_closed() {
            self.closed.notified().await;
        }
    }

    /// What to send next, if anything waits. A close comes last, and again and again.
    pub(super) fn try_next(&self) -> Option<Outgoing> {
        let mut waiting = self.lock();
        match waiting.frames.pop_front() {
            Some(frame) => {
                waiting.bytes -= frame.len();
                Some(Outgoing::Frame(frame))
            }
            None => waiting.close.map(Outgoing::Close),
        }
    }

    /// What to send next. Cancel-safe; for one caller at a time.
    pub(super) async fn next(&self) -> Outgoing {
        loop {
            if let Some(outgoing) = self.try_next() {
                return outgoing;
            }
            self.filled.notified().await;
        }
    }

    fn end(&self, mut waiting: MutexGuard<'_, Waiting>, close: Close) {
        waiting.push(Frame::error(Some(close.code()), close.reason()));
        waiting.close = Some(close);
        self.filled.notify_one();
        self.closed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn push(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Gives the memory back, too: nothing more is to come.
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

    fn goodbye(close: Close) -> [Outgoing; 2] {
        let error = Frame::error(Some(close.code()), close.reason());
        [Outgoing::Frame(error), Outgoing::Close(close)]
    }

    #[test]
    fn what_waits_is_sent_before_the_goodbye() {
        let queue = SendQueue::new(8, 1000);
        queue.push(Frame::ping());
        queue.close(Close::GoingAway);
        queue.close(Close::NoPong);
        queue.push(Frame::pong());
        let [error, close] = goodbye(Close::GoingAway);
        assert_eq!(sent(&queue), [Outgoing::Frame(Frame::ping()), error, close]);
    }

    #[test]
    fn one_message_too_many_drops_what_waits() {
        let queue = SendQueue::new(2, 1000);
        for _ in 0..3 {
            queue.push(Frame::ping());
        }
        assert_eq!(sent(&queue), goodbye(Close::TooSlow));
    }

    #[test]
    fn too_many_bytes_drop_what_waits() {
        let queue = SendQueue::new(100, 2 * Frame::ping().len() + 1);
        for _ in 0..3 {
            queue.push(Frame::ping());
        }
        assert!(!queue.is_closed());
        queue.push(Frame::ping());
        assert_eq!(sent(&queue), goodbye(Close::TooSlow));
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
    fn who_is_given_up_is_told_nothing_else() {
        let queue = SendQueue::new(2, 1000);
        queue.push(Frame::ping());
        queue.give_up();
        queue.give_up();
        assert_eq!(sent(&queue), goodbye(Close::TooSlow));
    }

    #[test]
    fn what_has_been_sent_makes_room() {
        let queue = SendQueue::new(1, Frame::ping().len());
        for _ in 0..10 {
            queue.push(Frame::ping());
            assert_eq!(queue.try_next(), Some(Outgoing::Frame(Frame::ping())));
        }
        assert_eq!(queue.try_next(), None);
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let queue = SendQueue::new(2, 1000);
        let (first, ()) = tokio::join!(queue.next(), async { queue.push(Frame::ping()) });
        assert_eq!(first, Outgoing::Frame(Frame::ping()));
        tokio::join!(queue.closed(), async { queue.close(Close::GoingAway) });
    }
}
