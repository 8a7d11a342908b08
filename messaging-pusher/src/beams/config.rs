use std::{fmt, sync::Arc, time::Duration};

use messaging_core::transport::push::Notification;

use crate::{credentials::AppSecret, hosted::Tls, setting::trim_value};

type Link = dyn Fn(&Notification) -> String + Send + Sync;

/// A Pusher Beams instance and the content of its notifications. `Debug` hides the secret key.
#[derive(Clone)]
pub struct BeamsConfig {
    pub(super) instance: String,
    pub(super) secret: AppSecret,
    /// Overrides the URL of Pusher's server.
    server: Option<String>,
    pub(super) content: BeamsContent,
    pub(super) link: Option<Arc<Link>>,
    pub(super) call_timeout: Duration,
}

/// The content of a notification, which a locked screen may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BeamsContent {
    /// The sender's name and the first 200 characters of the message.
    #[default]
    Shown,
    /// Only that there is a new message; neither text nor name.
    Hidden,
}

/// The reason why a Beams configuration is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeamsConfigError {
    /// A required variable is not set or is empty.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// The instance id is invalid.
    #[error("the Beams instance id must be 1 to 63 characters of a-z A-Z 0-9 -")]
    Instance,
    /// The secret key is invalid. The error does not contain it.
    #[error("the Beams secret key must be 1 to 256 visible ASCII characters")]
    Secret,
    /// The server URL is invalid.
    #[error("the Beams server must be an http or https URL without a user name or path")]
    Server,
    /// TLS cannot be set up: no usable root certificate.
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

const INSTANCE: &str = "PUSHER_BEAMS_INSTANCE_ID";
const SECRET: &str = "PUSHER_BEAMS_SECRET_KEY";

impl BeamsConfig {
    /// Creates a configuration from an instance id and its secret key.
    ///
    /// # Errors
    /// [`BeamsConfigError::Instance`] or [`BeamsConfigError::Secret`] if the value is invalid.
    pub fn new(instance: &str, secret: &str) -> Result<Self, BeamsConfigError> {
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if !(1..=63).contains(&instance.len()) || !instance.bytes().all(is_allowed) {
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

    /// Reads `PUSHER_BEAMS_INSTANCE_ID` and `PUSHER_BEAMS_SECRET_KEY` through `lookup`. Surrounding white space and one
    /// pair of quotation marks are removed from each value.
    ///
    /// # Errors
    /// [`BeamsConfigError::Missing`] if a value is absent or empty, and the errors of [`new`](Self::new).
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, BeamsConfigError> {
        let value = |name| {
            let value = lookup(name).and_then(|value| trim_value(&value));
            value.ok_or(BeamsConfigError::Missing(name))
        };
        Self::new(&value(INSTANCE)?, &value(SECRET)?)
    }

    /// Reads the same variables from the environment.
    ///
    /// # Errors
    /// Those of [`from_lookup`](Self::from_lookup).
    pub fn from_env() -> Result<Self, BeamsConfigError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "reading the environment is the purpose of this function"
        )]
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Uses another server than Pusher's, such as `https://push.example`.
    ///
    /// # Errors
    /// [`BeamsConfigError::Server`] if the URL is not http or https, or has a user name or path.
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

    /// Sets the [content](BeamsContent) of notifications. [`BeamsContent::Shown`] by default.
    pub fn with_content(self, content: BeamsContent) -> Self {
        Self { content, ..self }
    }

    /// Sets the page that a web notification opens. None by default.
    pub fn with_link(self, link: impl Fn(&Notification) -> String + Send + Sync + 'static) -> Self {
        let link: Option<Arc<Link>> = Some(Arc::new(link));
        Self { link, ..self }
    }

    /// Sets the timeout of one call. 5 s by default.
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
    fn missing_and_invalid_values_are_reported_without_the_secret() {
        let config = |instance: &str, secret: &str| {
            BeamsConfig::from_lookup(|name| match name {
                INSTANCE => Some(instance.to_owned()),
                SECRET => Some(secret.to_owned()),
                _ => None,
            })
        };
        let valid = config("8f9a6e22-2483-49aa-8552-125f1a4c5781", "hush").unwrap();
        assert!(!format!("{valid:?}").contains("hush"));
        assert_eq!(
            valid.base(),
            "https://8f9a6e22-2483-49aa-8552-125f1a4c5781.pushnotifications.pusher.com"
        );
        let quoted = config("\"8f9a6e22-2483-49aa-8552-125f1a4c5781\"", " hush\n").unwrap();
        assert_eq!((quoted.base(), quoted.secret.expose()), (valid.base(), "hush"));
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
            assert!(valid.clone().at_server(bad).is_err(), "{bad}");
        }
    }
}
