//! HTTP calls with JSON responses, over pooled connections.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::RETRY_AFTER,
};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use messaging_core::clock::{Clock, timeout};
use serde::de::DeserializeOwned;

use super::{
    config::{PusherConfigError, Tls},
    tls,
};

/// An HTTP client with a timeout for each call.
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    call_timeout: Duration,
    clock: Arc<dyn Clock>,
}

/// A call without the expected response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The server has not received the call.
    #[error("no connection to the server")]
    NoConnection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server may have received the call.
    #[error("the call timed out")]
    TimeOut,
    /// The server may have received the call.
    #[error("the call failed without a complete response")]
    NoResponse(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the server responded {status}: {text}")]
    Refused {
        status: StatusCode,
        /// The beginning of the response body.
        text: String,
        retry_after: Option<Duration>,
    },
    /// Another kind of server, or an unknown version of the API.
    #[error("the response is not valid JSON of the API; check the server's address")]
    InvalidResponse(#[source] serde_json::Error),
}

/// Maximum length of a response body, in bytes.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// Maximum length of the response text in an error, in characters.
const MAX_SHOWN_CHARS: usize = 200;
/// Time for which an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(50);

impl Http {
    pub(crate) fn new(
        tls: Tls,
        roots_pem: &[u8],
        call_timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PusherConfigError> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_keepalive(Some(KEEP_ALIVE));
        let connector = tls::connector(connector, tls, roots_pem)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_ALIVE)
            .build(connector);
        Ok(Self {
            client,
            call_timeout,
            clock,
        })
    }

    /// Performs one call and parses its response.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<T, ApiError> {
        let outcome = timeout(&*self.clock, self.call_timeout, self.send(request)).await;
        outcome.unwrap_or(Err(ApiError::TimeOut))
    }

    async fn send<T: DeserializeOwned>(&self, request: Request<Full<Bytes>>) -> Result<T, ApiError> {
        let response = self.client.request(request).await;
        let response = response.map_err(|error| {
            if error.is_connect() {
                ApiError::NoConnection(error.into())
            } else {
                ApiError::NoResponse(error.into())
            }
        })?;
        let (status, retry_after) = (response.status(), retry_after(&response));
        let body = Limited::new(response.into_body(), MAX_RESPONSE_BYTES)
            .collect()
            .await;
        if status != StatusCode::OK {
            let text = body
                .map(|body| truncated_text(&body.to_bytes()))
                .unwrap_or_default();
            return Err(ApiError::Refused {
                status,
                text,
                retry_after,
            });
        }
        let body = body.map_err(ApiError::NoResponse)?;
        serde_json::from_slice(&body.to_bytes()).map_err(ApiError::InvalidResponse)
    }
}

/// Parses `Retry-After` in seconds. The date form is ignored: the caller's own back-off applies.
fn retry_after(response: &Response<Incoming>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

fn truncated_text(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.chars()
        .filter(|c| !c.is_control())
        .take(MAX_SHOWN_CHARS)
        .collect()
}
