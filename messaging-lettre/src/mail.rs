use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};
use messaging_core::{
    transport::mailer::Digest,
    transport::{TransportError, TransportErrorKind},
};

use crate::{
    Links, Templates,
    text::label,
    view::{Replies, unsubscribe},
};

/// Composes e-mails from digests. Cheap to clone.
#[derive(Clone)]
pub struct DigestMail {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    domain: String,
    templates: Templates,
    links: Arc<dyn Links>,
}

/// The sender or reply address is not an e-mail address.
#[derive(Debug, thiserror::Error)]
#[error(
    "not an e-mail address: write it as `messages@tours.example`, or with a name, such as `Tours <messages@tours.example>`"
)]
pub struct InvalidFrom(#[source] lettre::address::AddressError);

impl DigestMail {
    /// Creates a composer with a sender, such as `Tours <messages@tours.example>`.
    ///
    /// # Errors
    /// [`InvalidFrom`] if `from` is not an e-mail address.
    pub fn new(from: &str, templates: Templates, links: impl Links) -> Result<Self, InvalidFrom> {
        let from: Mailbox = from.parse().map_err(InvalidFrom)?;
        Ok(Self {
            domain: from.email.domain().to_owned(),
            templates: templates.or_host(from.name.as_deref()),
            from,
            reply_to: None,
            links: Arc::new(links),
        })
    }

    /// Sets the header `Reply-To`. Without it, the embedded templates state that replies are not read.
    ///
    /// # Errors
    /// [`InvalidFrom`] if `address` is not an e-mail address.
    pub fn with_reply_to(self, address: &str) -> Result<Self, InvalidFrom> {
        let reply_to = Some(address.parse().map_err(InvalidFrom)?);
        Ok(Self { reply_to, ..self })
    }

    /// Composes the e-mail, with a text and an HTML part. The same digest always has the same `Message-ID`.
    ///
    /// # Errors
    /// [`Refused`](TransportErrorKind::Refused) if the recipient's address is invalid; [`Deferred`](TransportErrorKind::Deferred)
    /// if a template or a link is invalid, which concerns one language or one recipient only.
    pub fn message(&self, digest: &Digest) -> Result<Message, TransportError> {
        let address: Address = digest.email.parse().map_err(refused)?;
        let name = Some(label(&digest.name)).filter(|name| !name.is_empty());
        let rendered = self
            .templates
            .render_with(digest, &*self.links, self.replies())
            .map_err(deferred)?;
        let at = SystemTime::UNIX_EPOCH
            + Duration::from_millis(u64::try_from(digest.at.as_millis()).unwrap_or_default());
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(name, address))
            .subject(rendered.subject)
            .date(at)
            .message_id(Some(format!("<{}@{}>", digest.id, self.domain)))
            .raw_header(header("Auto-Submitted", "auto-generated"));
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.clone());
        }
        if let Some(link) = unsubscribe(digest, &*self.links).map_err(deferred)? {
            message = message.raw_header(header("List-Unsubscribe", &format!("<{link}>")));
            if link.starts_with("https://") {
                message = message.raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
            }
        }
        let body = MultiPart::alternative_plain_html(rendered.text, rendered.html);
        message.multipart(body).map_err(deferred)
    }

    fn replies(&self) -> Replies {
        match self.reply_to {
            Some(_) => Replies::Read,
            None => Replies::Ignored,
        }
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn refused(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TransportError {
    TransportError::new(TransportErrorKind::Refused, source)
}

fn deferred(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TransportError {
    TransportError::new(TransportErrorKind::Deferred { retry_after: None }, source)
}

impl fmt::Debug for DigestMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestMail")
            .field("from", &self.from)
            .field("templates", &self.templates)
            .finish_non_exhaustive()
    }
}
