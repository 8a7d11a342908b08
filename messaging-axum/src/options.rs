use std::time::Duration;

use crate::route::{Route, RouteSet};

/// Options of the routes. The defaults suit production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Maximum length of a request body, in bytes. Default: 64 KiB.
    pub body_limit: usize,
    /// Time limit for receiving a whole request body. On expiry the response is 408 and the connection is closed. Uses
    /// tokio's timer, which the host's runtime must enable. Default: 10 s.
    pub body_timeout: Duration,
    /// The host's login scheme, for the OpenAPI document; `None` omits it. Default: `None`.
    pub login: Option<Login>,
    left_out: RouteSet,
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
            body_limit: 64 * 1024,
            body_timeout: Duration::from_secs(10),
            login: None,
            left_out: RouteSet::default(),
        }
    }
}

impl HttpOptions {
    /// Leaves out a route. It is neither mounted nor described, and its path and method belong to the host:
    ///
    /// ```
    /// use axum::{Router, routing::post};
    /// use messaging_axum::{HttpOptions, Route};
    ///
    /// # fn app(messaging: &messaging_core::Messaging) -> Router {
    /// let options = HttpOptions::default().without(Route::SendMessage);
    /// let own = Router::new().route("/messages", post(async || "sent by the host"));
    /// // GET `/messages` is ours, POST `/messages` is the host's.
    /// Router::new().nest("/api", messaging_axum::routes(messaging, options).all().merge(own))
    /// # }
    /// ```
    ///
    /// Where another method of the path is ours, so is the response to unsupported methods: the host's route must not have a
    /// method fallback, since axum panics when it merges two.
    pub fn without(self, route: Route) -> Self {
        Self {
            left_out: self.left_out.with(route),
            ..self
        }
    }

    pub(crate) fn includes(&self, route: Route) -> bool {
        !self.left_out.contains(route)
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
