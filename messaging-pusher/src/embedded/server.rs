//! What the connections of one server share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{close::Close, hub::Hub, options::EmbeddedOptions, ticket::TicketOffice};
use crate::credentials::{AppKey, Credentials};

/// What the connections of one server share.
pub(super) struct Server {
    pub(super) options: EmbeddedOptions,
    pub(super) office: TicketOffice,
    key: AppKey,
    hub: Mutex<Hub>,
}

/// The version of the protocol that is spoken here.
const PROTOCOL: &str = "7";

impl Server {
    pub(super) fn new(credentials: &Credentials, options: EmbeddedOptions) -> Self {
        Self {
            office: TicketOffice::new(credentials),
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
            Some(PROTOCOL) => Ok(()),
            Some(_) => Err(Close::UnsupportedProtocol),
        }
    }

    pub(super) fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
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
        check("local", "protocol=8", Err(Close::UnsupportedProtocol));
        check("local", "protocol=seven", Err(Close::UnsupportedProtocol));
        check("local", "protocol=", Err(Close::NoProtocol));
        check("local", "", Err(Close::NoProtocol));
        check("other", "protocol=7", Err(Close::UnknownApp));
        check("", "", Err(Close::UnknownApp));
    }
}
