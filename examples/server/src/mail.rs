//! Digest e-mails: sent over SMTP, or shown on a page of this server.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use async_trait::async_trait;
use axum::{
    extract::{Path, State},
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use messaging_core::{
    DigestPolicy,
    id::DigestId,
    transport::{
        TransportError, TransportErrorKind,
        mailer::{Digest, DigestConversation, Mailer},
    },
    worker::DigestOptions,
};
use messaging_lettre::{DigestMail, Links, Rendered, SmtpMailer, Templates};
use minijinja::{Environment, context};
use serde::Serialize;

/// Maximum number of e-mails on the page.
const MAX_MAILS: usize = 50;

/// The content security policy of an e-mail: inline styles only.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The destination of e-mails.
#[derive(Clone)]
pub(crate) enum Mail {
    /// A mail server.
    Smtp(SmtpMailer),
    /// The page `/demo/mail`.
    Page(MailPage),
}

/// The recent e-mails, newest first, which are shown instead of sent.
#[derive(Clone)]
pub(crate) struct MailPage {
    mails: Arc<Mutex<VecDeque<MailEntry>>>,
    templates: Templates,
    links: PageLinks,
}

#[derive(Clone, Serialize)]
struct MailEntry {
    id: String,
    to: String,
    at: String,
    subject: String,
    text: String,
    #[serde(skip)]
    html: String,
}

/// Links to pages of this server.
#[derive(Clone)]
struct PageLinks {
    base: String,
}

impl Links for PageLinks {
    fn conversation(&self, digest: &Digest, of: &DigestConversation) -> String {
        format!("{}/as/{}/inbox/{}", self.base, digest.user_id, of.conversation_id)
    }

    fn unsubscribe(&self, _: &Digest) -> Option<String> {
        None
    }
}

impl Mail {
    /// Uses SMTP if `smtp_url` is set, otherwise the page. `base` is the base URL of links.
    pub(crate) fn new(smtp_url: Option<&str>, from: &str, base: String) -> anyhow::Result<Self> {
        let links = PageLinks { base };
        let host = from.split('<').next().unwrap_or_default().trim();
        let templates = Templates::default().with_host(host);
        let Some(url) = smtp_url else {
            return Ok(Self::Page(MailPage {
                mails: Arc::default(),
                templates,
                links,
            }));
        };
        let mail = DigestMail::new(from, templates, links).context("MAIL_FROM is not an e-mail address")?;
        let mailer = SmtpMailer::from_url(url, mail).context("SMTP_URL cannot be used")?;
        Ok(Self::Smtp(mailer))
    }
}

#[async_trait]
impl Mailer for Mail {
    async fn send(&self, digest: &Digest) -> Result<(), TransportError> {
        match self {
            Self::Smtp(mailer) => mailer.send(digest).await,
            Self::Page(page) => page.add(digest),
        }
    }
}

impl MailPage {
    fn add(&self, digest: &Digest) -> Result<(), TransportError> {
        let rendered = self.templates.render(digest, &self.links);
        let Rendered { subject, text, html } = rendered.map_err(|error| {
            TransportError::new(TransportErrorKind::Deferred { retry_after: None }, error)
        })?;
        tracing::info!(to = %digest.user_id, "e-mail added to the page /demo/mail");
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.truncate(MAX_MAILS - 1);
        mails.push_front(MailEntry {
            id: digest.id.to_string(),
            to: format!("{} <{}>", digest.name, digest.email),
            at: digest.at.to_string(),
            subject,
            text,
            html,
        });
        Ok(())
    }

    fn list(&self) -> Vec<MailEntry> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.iter().cloned().collect()
    }
}

/// The digest policy for a given delay: all times in proportion, and short leases, so that another process takes over
/// soon after a crash.
pub(crate) fn policy(delay: Option<Duration>) -> (DigestPolicy, DigestOptions) {
    let (policy, options) = (DigestPolicy::default(), DigestOptions::default());
    let Some(delay) = delay else {
        return (policy, options);
    };
    let look_again = (delay / 6).max(Duration::from_secs(1));
    let policy = policy
        .with_delay(delay)
        .with_look_again(look_again)
        .with_online_delay(delay * 8)
        .with_interval(delay);
    let options = options
        .with_every(look_again.min(options.every))
        .with_mail_timeout(Duration::from_secs(5))
        .with_lease(Duration::from_secs(10));
    (policy, options)
}

/// `GET /demo/mail`: the recent e-mails, newest first; 404 with SMTP.
pub(crate) async fn list(State(mail): State<Mail>) -> Response {
    let Mail::Page(page) = mail else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut environment = Environment::new();
    let added = environment.add_template("mail.html", include_str!("../assets/mail.html"));
    let mails: Vec<_> = page
        .list()
        .into_iter()
        .map(minijinja::value::Serde)
        .map(minijinja::Value::from)
        .collect();
    let rendered = added
        .and_then(|()| environment.get_template("mail.html"))
        .and_then(|template| template.render(context! { mails }));
    match rendered {
        Ok(html) => html_response(html),
        Err(error) => {
            tracing::error!(%error, "the page /demo/mail failed to render; responding with 500");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// `GET /demo/mail/{id}`: the HTML of an e-mail.
pub(crate) async fn show(State(mail): State<Mail>, Path(id): Path<String>) -> Response {
    let found = match (mail, DigestId::parse(&id)) {
        (Mail::Page(page), Ok(_)) => page.list().into_iter().find(|mail| mail.id == id),
        _ => None,
    };
    found.map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        |mail| html_response(mail.html),
    )
}

fn html_response(html: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)));
    (headers, html).into_response()
}
