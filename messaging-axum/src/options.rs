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
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            typing: true,
            push: true,
            body_limit: 64 * 1024,
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

    /// With another [`body_limit`](Self::body_limit), in bytes.
    pub fn with_body_limit(self, body_limit: usize) -> Self {
        Self { body_limit, ..self }
    }
}
