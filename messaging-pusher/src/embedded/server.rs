//! State shared by the connections of one server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{close::Close, hub::Hub, options::EmbeddedOptions, telemetry, verifier::Verifier};
use crate::credentials::{AppKey, Credentials};

/// State shared by the connections of one server.
pub(super) struct Server {
    pub(super) options: EmbeddedOptions,
    pub(super) verifier: Verifier,
    key: AppKey,
    hub: Mutex<Hub>,
}

/// Supported protocol versions, as at Pusher. The frames are the same in all of them: version 5 asks clients to answer
/// pings, version 6 omits `pusher:error` where the WebSocket has a close code (this server always sends it), and
/// version 7 only renamed the product.
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

    /// Checks the app key and the protocol version of a connecting client.
    ///
    /// # Errors
    /// The [`Close`] to send.
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

/// Counts open sockets, including those that are being refused.
#[derive(Debug)]
pub(super) struct Sockets(watch::Sender<usize>);

/// An open socket; counted until dropped.
#[derive(Debug)]
pub(super) struct Socket(Arc<Sockets>);

impl Sockets {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Counts another socket. Returns `None` if `max` sockets are open.
    pub(super) fn open(self: &Arc<Self>, max: usize) -> Option<Socket> {
        let fits = self.0.send_if_modified(|count| {
            let fits = *count < max;
            *count += usize::from(fits);
            fits
        });
        if !fits {
            telemetry::refused();
            return None;
        }
        telemetry::opened();
        Some(Socket(self.clone()))
    }

    /// Waits until no socket is open.
    pub(super) async fn all_closed(&self) {
        // `self` holds the sender, so waiting cannot fail.
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
    fn a_client_needs_the_app_key_and_a_supported_protocol() {
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
        sockets.all_closed().await;
        let one = sockets.open(2).unwrap();
        let two = sockets.open(2).unwrap();
        assert!(sockets.open(2).is_none());
        drop(one);
        let three = sockets.open(2).unwrap();
        tokio::join!(sockets.all_closed(), async { drop((two, three)) });
    }
}
