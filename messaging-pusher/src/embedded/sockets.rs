//! How many sockets are open, and when none is any more.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts open sockets, whether they were let in or are being sent away.
#[derive(Debug)]
pub(super) struct Sockets(watch::Sender<usize>);

/// One open socket.
#[derive(Debug)]
pub(super) struct Socket(Arc<Sockets>);

impl Sockets {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Counts one more, unless there are as many as may be.
    pub(super) fn open(self: &Arc<Self>, most: usize) -> Option<Socket> {
        let fits = self.0.send_if_modified(|count| {
            let fits = *count < most;
            *count += usize::from(fits);
            fits
        });
        fits.then(|| Socket(self.clone()))
    }

    /// Returns when none is open.
    pub(super) async fn all_gone(&self) {
        // The sender is at hand, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sockets_are_counted_and_waited_for() {
        let sockets = Arc::new(Sockets::new());
        sockets.all_gone().await;
        let one = sockets.open(2).unwrap();
        let two = sockets.open(2).unwrap();
        assert!(sockets.open(2).is_none());
        drop(one);
        let three = sockets.open(2).unwrap();
        tokio::join!(sockets.all_gone(), async { drop((two, three)) });
    }
}
