use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{self, AsyncSmtpTransportBuilder, PoolConfig},
};
use messaging_core::port::mailer::{Digest, MailError, MailErrorKind, Mailer};

use crate::DigestMail;

/// How long a server may take for one command.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends digests over SMTP, on connections that are kept. Clones share them.
#[derive(Clone)]
pub struct SmtpMailer {
    connections: Arc<Connections>,
    mail: DigestMail,
    timeout: Duration,
}

/// The URL of a mail server is none. It is not shown: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("the URL of the mail server must be one of smtp or smtps")]
pub struct SmtpConfigError;

impl SmtpMailer {
    /// Sends through the server at a URL:
    ///
    /// | URL | is |
    /// |---|---|
    /// | `smtps://user:password@mail.example` | TLS from the beginning, port 465 |
    /// | `smtp://user:password@mail.example:587?tls=required` | STARTTLS, and nothing without it |
    /// | `smtp://localhost:25` | no TLS: for a relay on the same machine |
    ///
    /// What is special in a user or a password is percent-encoded. No I/O; sending needs a tokio runtime.
    ///
    /// # Errors
    /// [`SmtpConfigError`].
    pub fn from_url(url: &str, mail: DigestMail) -> Result<Self, SmtpConfigError> {
        Self::with_timeout(url, mail, TIMEOUT)
    }

    /// The same, with another limit for what the server may take for one e-mail. Default: 30 s.
    ///
    /// # Errors
    /// [`SmtpConfigError`].
    pub fn with_timeout(url: &str, mail: DigestMail, timeout: Duration) -> Result<Self, SmtpConfigError> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| SmtpConfigError)?;
        let pool = PoolConfig::new()
            .max_size(8)
            .idle_timeout(Duration::from_secs(30));
        Ok(Self {
            connections: Arc::new(Connections {
                builder: builder.timeout(Some(timeout)).pool_config(pool),
                transport: OnceLock::new(),
            }),
            mail,
            timeout,
        })
    }
}

/// The connections, made and ended within a runtime: they keep a task there.
struct Connections {
    builder: AsyncSmtpTransportBuilder,
    transport: OnceLock<AsyncSmtpTransport<Tokio1Executor>>,
}

impl Connections {
    fn transport(&self) -> &AsyncSmtpTransport<Tokio1Executor> {
        self.transport.get_or_init(|| self.builder.clone().build())
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        // To end them spawns a task. Without a runtime they have ended with it.
        if tokio::runtime::Handle::try_current().is_err() {
            std::mem::forget(self.transport.take());
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, digest: &Digest) -> Result<(), MailError> {
        let message = self.mail.message(digest)?;
        let sent = tokio::time::timeout(self.timeout, self.connections.transport().send(message)).await;
        match sent {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(MailError::new(kind(&error), error)),
            Err(elapsed) => Err(MailError::new(MailErrorKind::OutcomeUnknown, elapsed)),
        }
    }
}

/// What an error says of the e-mail. Where in doubt the server may have taken it.
fn kind(error: &smtp::Error) -> MailErrorKind {
    if let Some(status) = error.status() {
        let code: u16 = status.into();
        return match code {
            // About us, whoever the recipient: authentication, and a sender that is not ours to use.
            530 | 534 | 535 | 538 => MailErrorKind::Misconfigured,
            400..=499 => MailErrorKind::Unavailable,
            _ => MailErrorKind::Refused,
        };
    }
    // No mechanism in common, or no TLS where it is required.
    if error.is_client() {
        return MailErrorKind::Misconfigured;
    }
    // That it was never connected is told by its words only; a test holds on to them.
    let never_connected = error.to_string().starts_with("Connection error");
    if never_connected || error.is_tls() || error.is_transport_shutdown() {
        return MailErrorKind::Unavailable;
    }
    MailErrorKind::OutcomeUnknown
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer")
            .field("mail", &self.mail)
            .finish_non_exhaustive()
    }
}
