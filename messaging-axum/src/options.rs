use std::time::Duration;

/// What can be set about the routes; the defaults are right for production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Whether people can show that they are typing. Default: yes. Without it there is no such route.
    pub typing: bool,
    /// Whether devices get tokens for notifications. Default: yes, where
    /// [push](messaging_core::MessagingBuilder::push) is there. Without it there is no such route.
    pub push: bool,
    /// The most bytes a request's body may have. Default: 64 KiB.
    pub body_limit: usize,
    /// How long a request's body may take to come, all of it; then it is answered with 408, and the connection is
    /// closed. Measured by tokio's timer, which the host's runtime has to have. Default: 10 s.
    pub body_timeout: Duration,
    /// Whether the OpenAPI document is served. Default: yes. Without it there is no such route.
    pub document: bool,
    /// How the host's login knows who is calling, for the document; `None` leaves it open. Default: `None`.
    pub login: Option<Login>,
}

/// What of a request tells the host's login who is calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Login {
    /// A cookie of that name.
    Cookie(&'static str),
    /// A header of that name.
    Header(&'static str),
    /// A bearer token, in `Authorization`.
    Bearer,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            typing: true,
            push: true,
            body_limit: 64 * 1024,
            body_timeout: Duration::from_secs(10),
            document: true,
            login: None,
        }
    }
}

impl HttpOptions {
    /// Without [`typing`](Self::typing).
    pub fn without_typing(self) -> Self {
        Self {
            typing: false,
            ..self
        }
    }

    /// Without [`push`](Self::push).
    pub fn without_push(self) -> Self {
        Self { push: false, ..self }
    }

    /// Without the OpenAPI [`document`](Self::document).
    pub fn without_document(self) -> Self {
        Self {
            document: false,
            ..self
        }
    }

    /// With what the document says of the host's [`login`](Self::login).
    pub fn with_login(self, login: Login) -> Self {
        Self {
            login: Some(login),
            ..self
        }
    }

    /// With another [`body_limit`](Self::body_limit), in bytes.
    pub fn with_body_limit(self, body_limit: usize) -> Self {
        Self { body_limit, ..self }
    }

    /// With another [`body_timeout`](Self::body_timeout).
    pub fn with_body_timeout(self, body_timeout: Duration) -> Self {
        Self { body_timeout, ..self }
    }
}
