//! Time limits of stopping. Together they fit into the default deadline of [`messaging_axum::Server`].

use std::time::Duration;

/// Time limit of publishing, and of e-mails in progress.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(3);
/// Time limit of closing the channels' connections.
pub(crate) const CHANNEL_TIMEOUT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use messaging_axum::{Server, Stopped};
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_limits_of_the_steps_fit_into_the_deadline() {
        // Requests that never complete end at their limit, before the deadline.
        let server = Server::from_fn(|_| pending())
            .on_stop(sleep(PUBLISH_TIMEOUT))
            .on_stop(sleep(CHANNEL_TIMEOUT));
        let stopped = server.run_until(ready(())).await;
        assert_eq!(stopped.expect("nothing failed"), Stopped::Complete);
    }
}
