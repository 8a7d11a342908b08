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
pub(super) struct Outbox {
    most_frames: usize,
    most_bytes: usize,
    queue: Mutex<Queue>,
    filled: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
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

impl Outbox {
    pub(super) fn new(most_frames: usize, most_bytes: usize) -> Self {
        Self {
            most_frames,
            most_bytes,
            queue: Mutex::default(),
            filled: Notify::new(),
            closed: Notify::new(),
        }
    }

    /// Puts a frame behind those that wait. Does nothing once the connection is to be closed.
    pub(super) fn push(&self, frame: Frame) {
        let mut queue = self.lock();
        if queue.close.is_some() {
            return;
        }
        let fits = queue.frames.len() < self.most_frames && queue.bytes + frame.len() <= self.most_bytes;
        if fits {
            queue.push(frame);
            self.filled.notify_one();
        } else {
            queue.frames.clear();
            queue.bytes = 0;
            self.end(queue, Close::TooSlow);
        }
    }

    /// Ends the connection once what waits has been sent. The first reason stands.
    pub(super) fn close(&self, close: Close) {
        let queue = self.lock();
        if queue.close.is_none() {
            self.end(queue, close);
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
        let mut queue = self.lock();
        match queue.frames.pop_front() {
            Some(frame) => {
                queue.bytes -= frame.len();
                Some(Outgoing::Frame(frame))
            }
            None => queue.close.map(Outgoing::Close),
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

    fn end(&self, mut queue: MutexGuard<'_, Queue>, close: Close) {
        queue.push(Frame::error(Some(close.code()), close.reason()));
        queue.close = Some(close);
        self.filled.notify_one();
        self.closed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(outbox: &Outbox) -> Vec<Outgoing> {
        let mut sent = Vec::new();
        while let Some(outgoing) = outbox.try_next() {
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
        let outbox = Outbox::new(8, 1000);
        outbox.push(Frame::ping());
        outbox.close(Close::GoingAway);
        outbox.close(Close::NoPong);
        outbox.push(Frame::pong());
        let [error, close] = goodbye(Close::GoingAway);
        assert_eq!(sent(&outbox), [Outgoing::Frame(Frame::ping()), error, close]);
    }

    #[test]
    fn one_message_too_many_drops_what_waits() {
        let outbox = Outbox::new(2, 1000);
        for _ in 0..3 {
            outbox.push(Frame::ping());
        }
        assert_eq!(sent(&outbox), goodbye(Close::TooSlow));
    }

    #[test]
    fn one_byte_too_many_drops_what_waits() {
        let outbox = Outbox::new(100, 3 * Frame::ping().len());
        for _ in 0..3 {
            outbox.push(Frame::ping());
        }
        assert!(!outbox.is_closed());
        outbox.push(Frame::ping());
        assert_eq!(sent(&outbox), goodbye(Close::TooSlow));
    }

    #[test]
    fn what_has_been_sent_makes_room() {
        let outbox = Outbox::new(1, Frame::ping().len());
        for _ in 0..10 {
            outbox.push(Frame::ping());
            assert_eq!(outbox.try_next(), Some(Outgoing::Frame(Frame::ping())));
        }
        assert_eq!(outbox.try_next(), None);
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let outbox = Outbox::new(2, 1000);
        let (first, ()) = tokio::join!(outbox.next(), async { outbox.push(Frame::ping()) });
        assert_eq!(first, Outgoing::Frame(Frame::ping()));
        tokio::join!(outbox.closed(), async { outbox.close(Close::GoingAway) });
    }
}
