//! SMTP, step by step, so that a failure is known by the step that failed.
//!
//! | file | has |
//! |---|---|
//! | `server` | where the server is, how a connection is secured, and who we are to it; one connection |
//! | `pool` | connections that are kept for the next e-mail |
//! | `answer` | what a reply says about the recipient, the sender or the server |

mod answer;
mod pool;
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
use messaging_core::transport::mailer::{Digest, MailError, MailErrorKind, Mailer};

use crate::DigestMail;
use answer::{Reply, Stage, without_reply};
use pool::Pool;
use server::Server;

/// How long a server may take for one e-mail.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends digests over SMTP, on connections that are kept. Clones share them.
#[derive(Clone)]
pub struct SmtpMailer {
    pool: Arc<Pool>,
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
    /// What is special in a user or a password is percent-encoded. A path is the name that we say in `EHLO`. No I/O;
    /// sending needs a tokio runtime.
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
        let pool = Arc::new(Pool::new(Server::parse(url)?));
        Ok(Self { pool, mail, timeout })
    }

    /// Hands an e-mail over, and says by `stage` how far that has come.
    async fn hand_over(&self, message: &Message, stage: &mut Stage) -> Result<(), Failure> {
        let mut connection = self.pool.take(stage).await?;
        match transact(&mut connection, message.envelope(), &message.formatted(), stage).await {
            Ok(()) => {
                self.pool.put(connection);
                Ok(())
            }
            Err(failure) => {
                // A server that has answered goes on with the next e-mail; any other connection is of no use.
                if failure.leaves_the_connection() {
                    self.pool.put(connection);
                }
                Err(failure)
            }
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, digest: &Digest) -> Result<(), MailError> {
        let message = self.mail.message(digest)?;
        let mut stage = Stage::Connect;
        let sent = tokio::time::timeout(self.timeout, self.hand_over(&message, &mut stage)).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(failure.into_error(stage)),
            Err(elapsed) => Err(MailError::new(without_reply(stage), elapsed)),
        }
    }
}

/// Why an e-mail was not handed over.
#[derive(Debug)]
enum Failure {
    /// What lettre says: a reply of the server, or no reply.
    Smtp(lettre::transport::smtp::Error),
    /// The server cannot be told an address that is not ASCII.
    NoUtf8(Party),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Party {
    Sender,
    Recipient,
}

/// The server lacks SMTPUTF8.
#[derive(Debug, thiserror::Error)]
#[error("the mail server takes ASCII addresses only")]
struct AsciiOnly;

impl From<lettre::transport::smtp::Error> for Failure {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        Self::Smtp(error)
    }
}

impl Failure {
    fn reply(&self) -> Option<Reply> {
        let Self::Smtp(error) = self else { return None };
        let text = error.source().map(ToString::to_string);
        Some(Reply::new(
            error.status()?.into(),
            text.as_deref().unwrap_or_default(),
        ))
    }

    fn leaves_the_connection(&self) -> bool {
        match self {
            Self::NoUtf8(_) => true,
            Self::Smtp(_) => self.reply().is_some_and(|reply| !reply.ends_the_connection()),
        }
    }

    fn into_error(self, stage: Stage) -> MailError {
        let reply = self.reply();
        match self {
            Self::NoUtf8(Party::Recipient) => MailError::new(MailErrorKind::Deferred, AsciiOnly),
            Self::NoUtf8(Party::Sender) => MailError::new(MailErrorKind::Misconfigured, AsciiOnly),
            Self::Smtp(error) => {
                // No mechanism in common, or no TLS where it is required.
                let is_ours = error.is_client();
                let kind = match reply {
                    Some(reply) => reply.kind(stage),
                    None if is_ours => MailErrorKind::Misconfigured,
                    None => without_reply(stage),
                };
                MailError::new(kind, error)
            }
        }
    }
}

/// One e-mail on one connection.
async fn transact(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    email: &[u8],
    stage: &mut Stage,
) -> Result<(), Failure> {
    *stage = Stage::Sender;
    let mut parameters = Vec::new();
    let offers = |extension| connection.server_info().supports_feature(extension);
    let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    let foreign = if !envelope.from().is_none_or(is_ascii) {
        Some(Party::Sender)
    } else if !envelope.to().iter().all(is_ascii) {
        Some(Party::Recipient)
    } else {
        None
    };
    if let Some(party) = foreign {
        if !offers(Extension::SmtpUtfEight) {
            return Err(Failure::NoUtf8(party));
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
