//! Signed calls to the Channels HTTP API.
//!
//! The `pusher` crate signs channels only. Its HTTP client is unsuitable: it panics when a connection is refused or
//! lost, discards status and headers of responses, and has no TLS, timeout or batches.

use std::sync::Arc;

use http_body_util::Full;
use hyper::{Method, Request, body::Bytes, header::CONTENT_TYPE};
use messaging_core::clock::Clock;
use serde::de::DeserializeOwned;

use super::{
    config::{PusherConfig, PusherConfigError},
    http::{ApiError, Http},
    options::PusherOptions,
    request::signed_target,
};
use crate::credentials::Credentials;

/// The HTTP API of one app.
pub(super) struct Api {
    http: Http,
    /// The server's URL.
    base: String,
    /// Prefix of each path: `/apps/{id}`.
    prefix: String,
    credentials: Credentials,
    clock: Arc<dyn Clock>,
}

impl Api {
    pub(super) fn new(
        config: &PusherConfig,
        options: &PusherOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PusherConfigError> {
        Ok(Self {
            http: Http::new(
                config.tls(),
                &options.roots_pem,
                options.call_timeout,
                clock.clone(),
            )?,
            base: config.server.api_url(),
            prefix: format!("/apps/{}", config.app_id),
            credentials: config.credentials.clone(),
            clock,
        })
    }

    /// Posts JSON to a path of the app.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: String) -> Result<T, ApiError> {
        self.call(Method::POST, path, Some(body.into())).await
    }

    /// Gets a path of the app.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.call(Method::GET, path, None).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<T, ApiError> {
        let path = format!("{}{path}", self.prefix);
        let now = self.clock.now();
        let target = signed_target(&self.credentials, method.as_str(), &path, body.as_deref(), now);
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.base))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body.unwrap_or_default()))
            .map_err(|error| ApiError::NoResponse(error.into()))?;
        self.http.call(request).await
    }
}
