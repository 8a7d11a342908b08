use std::{fmt, sync::Arc, time::Duration};

use messaging_core::transport::push::Notification;

use crate::{credentials::AppSecret, hosted::Tls, setting::cleaned};

type Link = dyn Fn(&Notification) -> String + Send + Sync;

/// An instance of Pusher Beams, and what its notifications show.
#[derive(Clone)]
pub struct BeamsConfig {
    pub(super) instance: String,
    pub(super) secret: AppSecret,
    /// Another server than Pusher's.
    server: Option<String>,
    pub(super) content: BeamsContent,
    pub(super) link: Option<Arc<Link>>,
    pub(super) call_timeout: Duration,
}

/// What a notification shows on a locked screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BeamsContent {
    /// Who wrote, and the beginning of the message.
    #[default]
    Shown,
    /// That there is a new message: nothing that anybody wrote, and no name.
    Hidden,
}

/// Why an instance of Beams is not configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeamsConfigError {
    /// A variable that has to be set.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// An instance's id that is none.
    #[error("the id of a Beams instance is 1 to 63 characters of a-z A-Z 0-9 -")]
    Instance,
    /// A secret that is none. It is not shown.
    #[error("the secret key of a Beams instance is 1 to 256 visible characters")]
    Secret,
    /// A URL that is none.
    #[error("a server of the Beams API is named by a URL of http or https without a path")]
    Server,
    /// There is nothing to trust.
    #[error("TLS cannot be used")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

const INSTANCE: &str = "PUSHER_BEAMS_INSTANCE_ID";
const SECRET: &str = "PUSHER_BEAMS_SECRET_KEY";

impl BeamsConfig {
    /// An instance, by its id and its secret key.
    ///
    /// # Errors
    /// [`BeamsConfigError::Instance`], [`BeamsConfigError::Secret`].
    pub fn new(instance: &str, secret: &str) -> Result<Self, BeamsConfigError> {
        let is_of_a_host = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if !(1..=63).contains(&instance.len()) || !instance.bytes().all(is_of_a_host) {
            return Err(BeamsConfigError::Instance);
        }
        if !secret.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(BeamsConfigError::Secret);
        }
        Ok(Self {
            instance: instance.to_owned(),
            secret: AppSecret::parse(secret).map_err(|_| BeamsConfigError::Secret)?,
            server: None,
            content: BeamsContent::default(),
            link: None,
            call_timeout: Duration::from_secs(5),
        })
    }

    /// By the variables `PUSHER_BEAMS_INSTANCE_ID` and `PUSHER_BEAMS_SECRET_KEY`, as `lookup` has them. White space
    /// around a value and a pair of quotation marks are no part of it.
    ///
    /// # Errors
    /// [`BeamsConfigError::Missing`] for one that is not there or empty; those of [`new`](Self::new).
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, BeamsConfigError> {
        let value = |name| {
            let value = lookup(name).and_then(|value| cleaned(&value));
            value.ok_or(BeamsConfigError::Missing(name))
        };
        Self::new(&value(INSTANCE)?, &value(SECRET)?)
    }

    /// By the environment's variables of these names.
    ///
    /// # Errors
    /// Those of [`from_lookup`](Self::from_lookup).
    pub fn from_env() -> Result<Self, BeamsConfigError> {
        #[expect(clippy::disallowed_methods, reason = "the host asks for just this")]
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// At another server than Pusher's, such as `https://push.example`: one of one's own, or one for tests.
    ///
    /// # Errors
    /// [`BeamsConfigError::Server`].
    pub fn at_server(self, url: &str) -> Result<Self, BeamsConfigError> {
        let authority = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        let parsed = authority.and_then(|authority| authority.parse::<hyper::http::uri::Authority>().ok());
        if parsed.is_none_or(|parsed| parsed.as_str().contains('@')) {
            return Err(BeamsConfigError::Server);
        }
        let server = Some(url.to_owned());
        Ok(Self { server, ..self })
    }

    /// With another choice of what is [shown](BeamsContent).
    pub fn with_content(self, content: BeamsContent) -> Self {
        Self { content, ..self }
    }

    /// With the page that a notification on the web leads to.
    pub fn with_link(self, link: impl Fn(&Notification) -> String + Send + Sync + 'static) -> Self {
        let link: Option<Arc<Link>> = Some(Arc::new(link));
        Self { link, ..self }
    }

    /// How long one call may take. 5 s by default.
    pub fn with_call_timeout(self, call_timeout: Duration) -> Self {
        Self { call_timeout, ..self }
    }

    pub(super) fn base(&self) -> String {
        let own = || format!("https://{}.pushnotifications.pusher.com", self.instance);
        self.server.clone().unwrap_or_else(own)
    }

    pub(super) fn tls(&self) -> Tls {
        if self.base().starts_with("https:") {
            Tls::On
        } else {
            Tls::Off
        }
    }
}

impl fmt::Debug for BeamsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeamsConfig")
            .field("instance", &self.instance)
            .field("server", &self.base())
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_wrong_is_said_without_the_secret() {
        let config = |instance: &str, secret: &str| {
            BeamsConfig::from_lookup(|name| match name {
                INSTANCE => Some(instance.to_owned()),
                SECRET => Some(secret.to_owned()),
                _ => None,
            })
        };
        let whole = config("8f9a6e22-2483-49aa-8552-125f1a4c5781", "hush").unwrap();
        assert!(!format!("{whole:?}").contains("hush"));
        assert_eq!(
            whole.base(),
            "https://8f9a6e22-2483-49aa-8552-125f1a4c5781.pushnotifications.pusher.com"
        );
        let written = config("\"8f9a6e22-2483-49aa-8552-125f1a4c5781\"", " hush\n").unwrap();
        assert_eq!((written.base(), written.secret.expose()), (whole.base(), "hush"));
        assert!(config(" ", "hush").unwrap_err().to_string().contains(INSTANCE));
        assert!(config("x", "''").unwrap_err().to_string().contains(SECRET));
        assert!(config("", "hush").unwrap_err().to_string().contains(INSTANCE));
        assert!(config("x", "").unwrap_err().to_string().contains(SECRET));
        for (instance, secret) in [("a.example/", "hush"), (&"x".repeat(64), "hush"), ("x", "hu\nsh")] {
            let error = config(instance, secret).unwrap_err();
            assert!(!format!("{error:?} {error}").contains("hush"));
        }
        for bad in [
            "",
            "push.example",
            "ftp://push.example",
            "https://",
            "https://a@b",
            "https://push.example/x",
        ] {
            assert!(whole.clone().at_server(bad).is_err(), "{bad}");
        }
    }
}
