//! Limits that turn a hanging store into a failing test.
//!
//! A loop over a store's results is bounded by [`Rounds`]. A call that never returns is bounded by [`in_time`],
//! which wraps every run of a test. Only a store that blocks its caller's thread escapes both: the test
//! runner's own timeout covers that.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};

use futures_util::{
    future::{Either, select},
    task::AtomicWaker,
};

/// The maximum duration of one test run. Generous: a slow machine with a slow store needs a fraction of it.
const LIMIT: Duration = Duration::from_mins(5);

/// Counts the rounds of a loop that ends for every correct store.
#[derive(Debug)]
pub(crate) struct Rounds {
    left: usize,
    limit: usize,
    missing: &'static str,
}

impl Rounds {
    /// Allows at most `limit` rounds. `missing` describes what has not happened by then.
    pub(crate) fn at_most(limit: usize, missing: &'static str) -> Self {
        let left = limit;
        Self { left, limit, missing }
    }

    /// Begins a round.
    ///
    /// # Panics
    /// When all rounds are used up.
    pub(crate) fn begin(&mut self) {
        let (limit, missing) = (self.limit, self.missing);
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or_else(|| panic!("after {limit} rounds {missing}"));
    }
}

/// Runs a future to completion within five minutes.
///
/// # Panics
/// When it takes longer.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(LIMIT, what, future).await
}

async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    let alarm = Arc::new(Alarm::default());
    let (done, is_done) = mpsc::channel::<()>();
    let rings = alarm.clone();
    // On its own thread, since the runtime is the host's; the thread ends when `done` is dropped.
    thread::spawn(move || {
        if is_done.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            rings.ring();
        }
    });
    let future = pin!(future);
    let rang = poll_fn(|cx| alarm.poll(cx));
    let outcome = select(future, rang).await;
    drop(done);
    match outcome {
        Either::Left((output, _)) => output,
        Either::Right(_) => {
            panic!("{what} has not ended after {limit:?}: a call of the store does not return")
        }
    }
}

#[derive(Debug, Default)]
struct Alarm {
    rang: AtomicBool,
    waker: AtomicWaker,
}

impl Alarm {
    fn ring(&self) {
        self.rang.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        self.waker.register(cx.waker());
        if self.rang.load(Ordering::Acquire) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    #[should_panic(expected = "after 2 rounds the walk has not come to its end")]
    fn an_endless_loop_fails() {
        let mut rounds = Rounds::at_most(2, "the walk has not come to its end");
        loop {
            rounds.begin();
        }
    }

    #[tokio::test]
    async fn a_completed_future_returns_its_output() {
        assert_eq!(within(Duration::MAX, "it", ready(1)).await, 1);
    }

    #[tokio::test]
    async fn a_future_that_never_ends_fails_at_the_limit() {
        let never = within(Duration::from_millis(1), "the case", pending::<()>());
        let panicked = std::panic::AssertUnwindSafe(never)
            .catch_unwind()
            .await
            .unwrap_err();
        let said = panicked.downcast_ref::<String>().unwrap();
        assert_eq!(
            said,
            "the case has not ended after 1ms: a call of the store does not return"
        );
    }
}
