//! The background work: the relay publishes the outbox, the digester mails, the notifier pushes; [`Workers`] runs all of
//! them. Each can be stepped by hand in tests.

pub use crate::{
    digest::{DigestOptions, Digester, InvalidDigestOptions},
    outbox::{ActiveWorker, InvalidRelayOptions, Relay, RelayOptions},
    push::Notifier,
    use_case::Workers,
};
