use std::time::Duration;

/// Options of the routes. The defaults suit production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Whether the typing route exists. Default: true.
    pub typing: bool,
    /// Whether the route for push tokens exists. It responds with 404 unless
    /// [push](messaging_core::MessagingBuilder::push) is configured. Default: true.
    pub push: bool,
    /// Maximum length of a request body, in bytes. Default: 64 KiB.
    pub body_limit: usize,
    /// Time limit for receiving a whole request body. On expiry the response is 408 and the connection is closed. Uses
    /// tokio's timer, which the host's runtime must enable. Default: 10 s.
    pub body_timeout: Duration,
    /// Whether the route for the OpenAPI document exists. Default: true.
    pub document: bool,
    /// The host's login scheme, for the OpenAPI document; `None` omits it. Default: `None`.
    pub login: Option<Login>,
}

/// The part of a request that authenticates the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Login {
    /// A cookie with this name.
    Cookie(&'static str),
    /// A header with this name.
    Header(&'static str),
    /// A bearer token in `Authorization`.
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
    /// Disables [`typing`](Self::typing).
    pub fn without_typing(self) -> Self {
        Self {
            typing: false,
            ..self
        }
    }

    /// Disables [`push`](Self::push).
    pub fn without_push(self) -> Self {
        Self { push: false, ..self }
    }

    /// Disables the OpenAPI [`document`](Self::document).
    pub fn without_document(self) -> Self {
        Self {
            document: false,
            ..self
        }
    }

    /// Sets the [`login`](Self::login) scheme in the document.
    pub fn with_login(self, login: Login) -> Self {
        Self {
            login: Some(login),
            ..self
        }
    }

    /// Sets [`body_limit`](Self::body_limit), in bytes.
    pub fn with_body_limit(self, body_limit: usize) -> Self {
        Self { body_limit, ..self }
    }

    /// Sets [`body_timeout`](Self::body_timeout).
    pub fn with_body_timeout(self, body_timeout: Duration) -> Self {
        Self { body_timeout, ..self }
    }
}
