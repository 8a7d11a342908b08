//! Calls to the HTTP API.
//!
//! They go beside the `pusher` crate, which signs our channels: it panics when a connection is refused or lost,
//! keeps neither the status nor the headers of an answer, and has no TLS, no time-out and no batch.

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

/// The API of one app's server.
pub(super) struct Api {
    http: Http,
    /// The server's URL.
    base: String,
    /// Before each path: `/apps/{id}`.
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

    /// Posts JSON below the app's path.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: String) -> Result<T, ApiError> {
        self.call(Method::POST, path, Some(body.into())).await
    }

    /// Asks for something below the app's path.
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
            .map_err(|error| ApiError::NoAnswer(error.into()))?;
        self.http.call(request).await
    }
}
