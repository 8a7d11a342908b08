//! An SMTP client that tracks the steps of a transaction, so that a failure can be classified by its step.
//!
//! | module | contents |
//! |---|---|
//! | `server` | address, TLS mode and credentials of the server; opening a connection |
//! | `pool` | idle connections |
//! | `reply` | classification of replies |

mod pool;
mod reply;
mod server;

use std::{error::Error as _, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use lettre::{
    Address, Message,
    address::Envelope,
    transport::smtp::{
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Rcpt},
        extension::{Extension, MailBodyParameter, MailParameter},
    },
};
use messaging_core::{
    transport::mailer::{Digest, Mailer},
    transport::{TransportError, TransportErrorKind},
};

use crate::DigestMail;
use pool::Pool;
use reply::{DEFERRED, Reply, Stage, without_reply};
use server::Server;

/// Default timeout of one e-mail.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends digests over SMTP with pooled connections. Clones share the pool.
#[derive(Clone)]
pub struct SmtpMailer {
    pool: Arc<Pool>,
    mail: DigestMail,
    timeout: Duration,
}

/// The URL of the mail server is invalid. The error does not contain it: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("the URL of the mail server must be smtp://… or smtps://… with a host")]
pub struct SmtpConfigError;

impl SmtpMailer {
    /// Creates a mailer for the server at a URL:
    ///
    /// | URL | connection |
    /// |---|---|
    /// | `smtps://user:password@mail.example` | TLS from the beginning, port 465 |
    /// | `smtp://user:password@mail.example:587?tls=required` | STARTTLS required |
    /// | `smtp://localhost:25` | no TLS, for a relay on the same machine |
    ///
    /// Percent-encode special characters in user and password. A path sets the client name in `EHLO`. Performs no I/O;
    /// sending requires a tokio runtime.
    ///
    /// # Errors
    /// [`SmtpConfigError`].
    pub fn from_url(url: &str, mail: DigestMail) -> Result<Self, SmtpConfigError> {
        Self::with_timeout(url, mail, TIMEOUT)
    }

    /// Creates a mailer with another timeout of one e-mail. The default is 30 s.
    ///
    /// # Errors
    /// [`SmtpConfigError`] if the URL is invalid.
    pub fn with_timeout(url: &str, mail: DigestMail, timeout: Duration) -> Result<Self, SmtpConfigError> {
        let pool = Arc::new(Pool::new(Server::parse(url)?));
        Ok(Self { pool, mail, timeout })
    }

    /// Sends an e-mail; `stage` is the step reached.
    async fn deliver(&self, message: &Message, stage: &mut Stage) -> Result<(), SendFailure> {
        let mut connection = self.pool.acquire(stage).await?;
        match transact(&mut connection, message.envelope(), &message.formatted(), stage).await {
            Ok(()) => {
                self.pool.release(connection);
                Ok(())
            }
            Err(failure) => {
                // After a reply the connection can be reused; otherwise it is dropped.
                if failure.keeps_connection() {
                    self.pool.release(connection);
                }
                Err(failure)
            }
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, digest: &Digest) -> Result<(), TransportError> {
        let message = self.mail.message(digest)?;
        let mut stage = Stage::Connect;
        let sent = tokio::time::timeout(self.timeout, self.deliver(&message, &mut stage)).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(failure.into_error(stage)),
            Err(elapsed) => Err(TransportError::new(without_reply(stage), elapsed)),
        }
    }
}

/// The reason why an e-mail was not accepted.
#[derive(Debug)]
enum SendFailure {
    /// An error of lettre: a negative reply, or no reply.
    Smtp(lettre::transport::smtp::Error),
    /// The address is not ASCII and the server lacks SMTPUTF8.
    NoSmtpUtf8(AddressRole),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AddressRole {
    Sender,
    Recipient,
}

/// The server lacks SMTPUTF8.
#[derive(Debug, thiserror::Error)]
#[error("the mail server accepts ASCII addresses only (no SMTPUTF8)")]
struct AsciiOnly;

impl From<lettre::transport::smtp::Error> for SendFailure {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        Self::Smtp(error)
    }
}

impl SendFailure {
    fn reply(&self) -> Option<Reply> {
        let Self::Smtp(error) = self else { return None };
        let text = error.source().map(ToString::to_string);
        Some(Reply::new(
            error.status()?.into(),
            text.as_deref().unwrap_or_default(),
        ))
    }

    fn keeps_connection(&self) -> bool {
        match self {
            Self::NoSmtpUtf8(_) => true,
            Self::Smtp(_) => self.reply().is_some_and(|reply| !reply.closes_connection()),
        }
    }

    fn into_error(self, stage: Stage) -> TransportError {
        let reply = self.reply();
        match self {
            Self::NoSmtpUtf8(AddressRole::Recipient) => TransportError::new(DEFERRED, AsciiOnly),
            Self::NoSmtpUtf8(AddressRole::Sender) => {
                TransportError::new(TransportErrorKind::Misconfigured, AsciiOnly)
            }
            Self::Smtp(error) => {
                // No common authentication mechanism, or no TLS although required.
                let is_client_error = error.is_client();
                let kind = match reply {
                    Some(reply) => reply.kind(stage),
                    None if is_client_error => TransportErrorKind::Misconfigured,
                    None => without_reply(stage),
                };
                TransportError::new(kind, error)
            }
        }
    }
}

/// Sends one e-mail on a connection.
async fn transact(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    email: &[u8],
    stage: &mut Stage,
) -> Result<(), SendFailure> {
    *stage = Stage::Sender;
    let mut parameters = Vec::new();
    let offers = |extension| connection.server_info().supports_feature(extension);
    let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    let non_ascii = if !envelope.from().is_none_or(is_ascii) {
        Some(AddressRole::Sender)
    } else if !envelope.to().iter().all(is_ascii) {
        Some(AddressRole::Recipient)
    } else {
        None
    };
    if let Some(role) = non_ascii {
        if !offers(Extension::SmtpUtfEight) {
            return Err(SendFailure::NoSmtpUtf8(role));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !email.is_ascii() && offers(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    connection
        .command(Mail::new(envelope.from().cloned(), parameters))
        .await?;
    *stage = Stage::Recipient;
    for to in envelope.to() {
        connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
    }
    *stage = Stage::Data;
    connection.command(Data).await?;
    *stage = Stage::Content;
    connection.message(email).await?;
    Ok(())
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer")
            .field("mail", &self.mail)
            .finish_non_exhaustive()
    }
}
