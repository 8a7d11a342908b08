//! The order of stopping.

use std::{pin::pin, time::Duration};

use tokio::time::{Instant, timeout, timeout_at};

/// The steps of a shutdown. Each future stops one part of the server and completes when the part has stopped.
#[derive(Debug)]
pub(super) struct ShutdownSteps<Requests, Publishing, OnStop, Finally> {
    /// The requests in progress.
    pub(super) requests: Requests,
    /// Publishing of committed events.
    pub(super) publishing: Publishing,
    /// What ends after publishing: the realtime connections, whose clients reconnect elsewhere.
    pub(super) on_stop: OnStop,
    /// What requests use: the store.
    pub(super) finally: Finally,
}

/// How a [`Server`](super::Server) has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The last steps have run. Publishing and requests may have been cut off at their limit.
    Complete,
    /// The deadline passed before every part had stopped. End the process: work may still be running.
    TimedOut,
}

/// Default time limit of the whole shutdown.
pub(super) const DEADLINE: Duration = Duration::from_secs(9);
/// Time before the deadline at which publishing and requests are no longer waited for, so that the last steps can complete;
/// at most a quarter of the deadline.
const FINISH_TIME: Duration = Duration::from_secs(1);
/// Time for which publishing and the steps after it wait for requests. Enough for fully received ones; a client that
/// sends slowly or does not read its response delays only itself. At most a quarter of the deadline.
const REQUEST_GRACE: Duration = Duration::from_secs(2);

/// Shuts down requests, publishing, `on_stop` and `finally`, in this order. Events committed by a request after
/// publishing has stopped are published by the next process.
#[expect(clippy::disallowed_methods, reason = "deadlines of tokio's timer")]
pub(super) async fn shut_down<R, P, O, F>(steps: ShutdownSteps<R, P, O, F>, deadline: Duration) -> Stopped
where
    R: Future<Output = ()>,
    P: Future<Output = ()>,
    O: Future<Output = ()>,
    F: Future<Output = ()>,
{
    let ShutdownSteps {
        requests,
        publishing,
        on_stop,
        finally,
    } = steps;
    let last_request = Instant::now() + deadline.saturating_sub(FINISH_TIME.min(deadline / 4));
    let in_order = async {
        let mut requests = pin!(requests);
        let are_finished = timeout(REQUEST_GRACE.min(deadline / 4), requests.as_mut())
            .await
            .is_ok();
        if timeout_at(last_request, publishing).await.is_err() {
            tracing::warn!(
                "publishing was cut off at the shutdown timeout; the next process publishes the rest"
            );
        }
        on_stop.await;
        if !are_finished && timeout_at(last_request, requests).await.is_err() {
            tracing::warn!("some requests were cut off: they exceeded the shutdown timeout");
        }
        finally.await;
    };
    match timeout(deadline, in_order).await {
        Ok(()) => Stopped::Complete,
        Err(_) => Stopped::TimedOut,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::{Instant, sleep};

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    /// The stopped parts, in order.
    #[derive(Default)]
    struct Ended(Mutex<Vec<&'static str>>);

    impl Ended {
        async fn after(&self, name: &'static str, time: Duration) {
            sleep(time).await;
            self.0.lock().unwrap().push(name);
        }

        fn so_far(&self) -> Vec<&'static str> {
            self.0.lock().unwrap().clone()
        }
    }

    /// Checks the outcome, the order of the stopped parts and the total time in milliseconds, if the parts take the
    /// given times.
    #[expect(clippy::disallowed_methods, reason = "tokio's paused time")]
    async fn check(times: [Duration; 4], expected: Stopped, order: &[&str], millis: u128) {
        let ended = Ended::default();
        let [requests, publishing, channels, storage] = times;
        let started = Instant::now();
        let outcome = shut_down(
            ShutdownSteps {
                requests: ended.after("requests", requests),
                publishing: ended.after("publishing", publishing),
                on_stop: ended.after("channels", channels),
                finally: ended.after("storage", storage),
            },
            DEADLINE,
        )
        .await;
        assert_eq!((outcome, ended.so_far()), (expected, order.to_vec()), "{times:?}");
        assert_eq!(started.elapsed().as_millis(), millis, "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn committed_events_are_published_before_the_channels_close() {
        let short = Duration::from_millis(100);
        let order = ["requests", "publishing", "channels", "storage"];
        check([short; 4], Stopped::Complete, &order, 400).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_request_does_not_delay_closing_the_channels() {
        let short = Duration::from_millis(100);
        let order = ["publishing", "channels", "requests", "storage"];
        check(
            [DEADLINE.saturating_sub(FINISH_TIME), short, short, short],
            Stopped::Complete,
            &order,
            8_100,
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_shutdown_ends_at_the_deadline() {
        let deadline = DEADLINE.as_millis();
        assert!(deadline < 10_000);
        let (none, half) = (Duration::ZERO, Duration::from_secs(1));
        check([LONG; 4], Stopped::TimedOut, &[], deadline).await;
        let order = ["requests", "publishing"];
        check([none, none, LONG, none], Stopped::TimedOut, &order, deadline).await;
        let order = ["requests", "publishing", "channels"];
        check([half, half, half, LONG], Stopped::TimedOut, &order, deadline).await;
    }

    #[tokio::test(start_paused = true)]
    async fn publishing_that_hangs_leaves_the_last_steps_their_time() {
        let order = ["requests", "channels", "storage"];
        let short = Duration::from_millis(100);
        check([short, LONG, short, short], Stopped::Complete, &order, 8_200).await;
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_cut_off_before_the_deadline_and_the_last_steps_run() {
        let order = ["publishing", "channels", "storage"];
        let short = Duration::from_millis(100);
        check([LONG, short, short, short], Stopped::Complete, &order, 8_100).await;
    }
}
