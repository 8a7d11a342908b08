//! What the connections of one server share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{close::Close, hub::Hub, options::EmbeddedOptions, telemetry, verifier::Verifier};
use crate::credentials::{AppKey, Credentials};

/// What the connections of one server share.
pub(super) struct Server {
    pub(super) options: EmbeddedOptions,
    pub(super) verifier: Verifier,
    key: AppKey,
    hub: Mutex<Hub>,
}

/// The versions of the protocol that are spoken here, as at Pusher. What is said is the same in all of them: 5 asks
/// clients to answer pings, 6 leaves out `pusher:error` where the WebSocket has a close code (it is said in any case
/// here), and 7 renamed nothing but the product.
const PROTOCOLS: [&str; 4] = ["4", "5", "6", "7"];

impl Server {
    pub(super) fn new(credentials: &Credentials, options: EmbeddedOptions) -> Self {
        Self {
            verifier: Verifier::new(credentials),
            key: credentials.key.clone(),
            hub: Mutex::new(Hub::new(&options)),
            options,
        }
    }

    /// Whether a client that asks for an app's key, with such a query, may come in.
    ///
    /// # Errors
    /// How to send it away.
    pub(super) fn admit(&self, key: &str, query: &str) -> Result<(), Close> {
        let protocol = query.split('&').find_map(|pair| pair.strip_prefix("protocol="));
        match protocol {
            _ if key != self.key.as_str() => Err(Close::UnknownApp),
            None | Some("") => Err(Close::NoProtocol),
            Some(protocol) if PROTOCOLS.contains(&protocol) => Ok(()),
            Some(_) => Err(Close::UnsupportedProtocol),
        }
    }

    pub(super) fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
        telemetry::opened(fits);
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
        telemetry::closed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::AppSecret;

    #[test]
    fn the_key_and_the_protocol_must_be_ours() {
        let credentials = Credentials {
            key: AppKey::parse("local").unwrap(),
            secret: AppSecret::parse("secret").unwrap(),
        };
        let server = Server::new(&credentials, EmbeddedOptions::default());
        let check = |key, query, admitted| assert_eq!(server.admit(key, query), admitted, "{key} {query}");
        check("local", "protocol=7&client=js&version=8.4.0&flash=false", Ok(()));
        check("local", "client=js&protocol=7", Ok(()));
        for older in [
            "protocol=4",
            "client=java-client&protocol=5&version=2.4.4",
            "client=Pysher&protocol=6",
        ] {
            check("local", older, Ok(()));
        }
        check("local", "protocol=3", Err(Close::UnsupportedProtocol));
        check("local", "protocol=8", Err(Close::UnsupportedProtocol));
        check("local", "protocol=seven", Err(Close::UnsupportedProtocol));
        check("local", "protocol=", Err(Close::NoProtocol));
        check("local", "", Err(Close::NoProtocol));
        check("other", "protocol=7", Err(Close::UnknownApp));
        check("", "", Err(Close::UnknownApp));
    }

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
