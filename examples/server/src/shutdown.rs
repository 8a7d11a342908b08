//! Graceful shutdown: finishes work in progress, in less than ten seconds in total.

use std::{pin::pin, time::Duration};

use tokio::time::timeout;

/// The steps of a shutdown. Each future stops one part of the server and completes when the part has stopped.
#[derive(Debug)]
pub(crate) struct ShutdownSteps<Requests, Publishing, Channels, Storage> {
    /// The requests in progress.
    pub(crate) requests: Requests,
    /// Publishing of committed events.
    pub(crate) publishing: Publishing,
    /// The connections of embedded channels, whose clients are asked to reconnect.
    pub(crate) channels: Channels,
    /// The store.
    pub(crate) storage: Storage,
}

/// The outcome of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShutdownOutcome {
    /// Every part has stopped.
    Complete,
    /// The deadline passed before every part had stopped.
    TimedOut,
}

/// Time limit of the whole shutdown.
pub(crate) const DEADLINE: Duration = Duration::from_secs(9);
/// Time limit of requests in progress.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);
/// Time limit of publishing, and of e-mails in progress.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(3);
/// Time limit of closing the channels' connections.
pub(crate) const CHANNEL_TIMEOUT: Duration = Duration::from_secs(2);
/// Time for which publishing and closing the channels wait for requests. Enough for fully received ones; a client that
/// sends slowly or does not read its response delays only itself.
const REQUEST_GRACE: Duration = Duration::from_secs(2);

/// Shuts down requests, publishing, channels and storage, in this order. Events committed by a request after publishing
/// has stopped are published by the next process.
pub(crate) async fn shut_down<R, P, C, S>(steps: ShutdownSteps<R, P, C, S>) -> ShutdownOutcome
where
    R: Future<Output = ()>,
    P: Future<Output = ()>,
    C: Future<Output = ()>,
    S: Future<Output = ()>,
{
    let ShutdownSteps {
        requests,
        publishing,
        channels,
        storage,
    } = steps;
    let in_order = async {
        let mut requests = pin!(requests);
        let are_finished = timeout(REQUEST_GRACE, requests.as_mut()).await.is_ok();
        publishing.await;
        channels.await;
        if !are_finished {
            requests.await;
        }
        storage.await;
    };
    match timeout(DEADLINE, in_order).await {
        Ok(()) => ShutdownOutcome::Complete,
        Err(_) => ShutdownOutcome::TimedOut,
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::Mutex};

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
    async fn check(times: [Duration; 4], expected: ShutdownOutcome, order: &[&str], millis: u128) {
        let ended = Ended::default();
        let [requests, publishing, channels, storage] = times;
        let started = Instant::now();
        let outcome = shut_down(ShutdownSteps {
            requests: ended.after("requests", requests),
            publishing: ended.after("publishing", publishing),
            channels: ended.after("channels", channels),
            storage: ended.after("storage", storage),
        })
        .await;
        assert_eq!((outcome, ended.so_far()), (expected, order.to_vec()), "{times:?}");
        assert_eq!(started.elapsed().as_millis(), millis, "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn committed_events_are_published_before_the_channels_close() {
        let short = Duration::from_millis(100);
        let order = ["requests", "publishing", "channels", "storage"];
        check([short; 4], ShutdownOutcome::Complete, &order, 400).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_request_does_not_delay_closing_the_channels() {
        let short = Duration::from_millis(100);
        let order = ["publishing", "channels", "requests", "storage"];
        check(
            [REQUEST_TIMEOUT, short, short, short],
            ShutdownOutcome::Complete,
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
        check([LONG; 4], ShutdownOutcome::TimedOut, &[], deadline).await;
        check(
            [none, LONG, none, none],
            ShutdownOutcome::TimedOut,
            &["requests"],
            deadline,
        )
        .await;
        let order = ["requests", "publishing"];
        check(
            [none, none, LONG, none],
            ShutdownOutcome::TimedOut,
            &order,
            deadline,
        )
        .await;
        let order = ["requests", "publishing", "channels"];
        check(
            [half, half, half, LONG],
            ShutdownOutcome::TimedOut,
            &order,
            deadline,
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_limits_of_the_steps_fit_into_the_deadline() {
        // Steps that never complete on their own end at their time limits, before the deadline.
        let limited = |limit| async move {
            timeout(limit, pending::<()>()).await.ok();
        };
        let outcome = shut_down(ShutdownSteps {
            requests: limited(REQUEST_TIMEOUT),
            publishing: limited(PUBLISH_TIMEOUT),
            channels: limited(CHANNEL_TIMEOUT),
            storage: async {},
        });
        assert_eq!(outcome.await, ShutdownOutcome::Complete);
    }
}
