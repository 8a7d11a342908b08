//! The end of the server: what was begun is finished, and in any case all of it is over in less than ten seconds.

use std::{pin::pin, time::Duration};

use tokio::time::timeout;

/// The parts of a server, each a future that stops its part and is ready when it has ended.
#[derive(Debug)]
pub(crate) struct Parts<Requests, Publishing, Channels, Storage> {
    /// The requests that are under way.
    pub(crate) requests: Requests,
    /// What is still to be published.
    pub(crate) publishing: Publishing,
    /// The channels' connections, which are told to connect elsewhere.
    pub(crate) channels: Channels,
    /// The database.
    pub(crate) storage: Storage,
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Each part by itself.
    Orderly,
    /// At the deadline, with parts that had not ended.
    CutOff,
}

/// How long all of it may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(9);
/// For how long requests may take that were under way when the server was stopped.
pub(crate) const REQUESTS: Duration = Duration::from_secs(8);
/// How long publishing may take, and e-mails that have been begun.
pub(crate) const PUBLISHING: Duration = Duration::from_secs(3);
/// How long the channels' connections may take to answer the goodbye.
pub(crate) const GOODBYE: Duration = Duration::from_secs(2);
/// How long the goodbye waits for requests: for those that have come whole. A client that goes on sending one, or does
/// not read its answer, holds up only itself.
const PROMPT: Duration = Duration::from_secs(2);

/// Ends a server: requests, publishing, channels, storage. What a request still under way at the goodbye commits is
/// published by whoever starts next.
pub(crate) async fn end<R, P, C, S>(parts: Parts<R, P, C, S>) -> End
where
    R: Future<Output = ()>,
    P: Future<Output = ()>,
    C: Future<Output = ()>,
    S: Future<Output = ()>,
{
    let Parts {
        requests,
        publishing,
        channels,
        storage,
    } = parts;
    let in_order = async {
        let mut requests = pin!(requests);
        let are_over = timeout(PROMPT, requests.as_mut()).await.is_ok();
        publishing.await;
        channels.await;
        if !are_over {
            requests.await;
        }
        storage.await;
    };
    match timeout(DEADLINE, in_order).await {
        Ok(()) => End::Orderly,
        Err(_) => End::CutOff,
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::Mutex};

    use tokio::time::{Instant, sleep};

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    /// What has ended, in order.
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

    /// How it ends, what ended in which order, and after how many milliseconds of the clock it was over, where each
    /// part takes so long.
    #[expect(
        clippy::disallowed_methods,
        reason = "tokio's time, which stands still in these tests"
    )]
    async fn check(times: [Duration; 4], end_is: End, order: &[&str], millis: u128) {
        let ended = Ended::default();
        let [requests, publishing, channels, storage] = times;
        let begun = Instant::now();
        let how = end(Parts {
            requests: ended.after("requests", requests),
            publishing: ended.after("publishing", publishing),
            channels: ended.after("channels", channels),
            storage: ended.after("storage", storage),
        })
        .await;
        assert_eq!((how, ended.so_far()), (end_is, order.to_vec()), "{times:?}");
        assert_eq!(begun.elapsed().as_millis(), millis, "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_acknowledged_is_published_before_the_goodbye() {
        let short = Duration::from_millis(100);
        let order = ["requests", "publishing", "channels", "storage"];
        check([short; 4], End::Orderly, &order, 400).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_does_not_end_holds_up_no_goodbye() {
        let short = Duration::from_millis(100);
        let order = ["publishing", "channels", "requests", "storage"];
        check([REQUESTS, short, short, short], End::Orderly, &order, 8_100).await;
    }

    #[tokio::test(start_paused = true)]
    async fn all_of_it_is_over_at_the_deadline() {
        let deadline = DEADLINE.as_millis();
        assert!(deadline < 10_000);
        let (none, half) = (Duration::ZERO, Duration::from_secs(1));
        check([LONG; 4], End::CutOff, &[], deadline).await;
        check([none, LONG, none, none], End::CutOff, &["requests"], deadline).await;
        let order = ["requests", "publishing"];
        check([none, none, LONG, none], End::CutOff, &order, deadline).await;
        let order = ["requests", "publishing", "channels"];
        check([half, half, half, LONG], End::CutOff, &order, deadline).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_limits_of_the_parts_leave_time_for_all_of_them() {
        // A request and a connection that never end by themselves have ended, each at its limit, before the deadline.
        let limited = |limit| async move {
            timeout(limit, pending::<()>()).await.ok();
        };
        let how = end(Parts {
            requests: limited(REQUESTS),
            publishing: limited(PUBLISHING),
            channels: limited(GOODBYE),
            storage: async {},
        });
        assert_eq!(how.await, End::Orderly);
    }
}
