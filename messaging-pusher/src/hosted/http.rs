//! Calls that are answered with JSON, on connections that are kept.

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

/// Makes calls, each for so long at most.
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    call_timeout: Duration,
    clock: Arc<dyn Clock>,
}

/// A call that was not answered with what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// It may have been received.
    #[error("no answer in time")]
    TimeOut,
    /// It may have been received.
    #[error("no answer")]
    NoAnswer(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("answered {status}: {text}")]
    Refused {
        status: StatusCode,
        /// How it began.
        text: String,
        retry_after: Option<Duration>,
    },
    /// Somebody else answered, or a version that is not known.
    #[error("the answer is not understood")]
    NotUnderstood(#[source] serde_json::Error),
}

/// The most bytes of an answer: it is a few words.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// The most characters of it that stand in an error.
const MAX_SHOWN_CHARS: usize = 200;
/// How long a connection is kept for the next call.
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
        let connector = tls::around(connector, tls, roots_pem)?;
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

    /// One call.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<T, ApiError> {
        let answered = timeout(&*self.clock, self.call_timeout, self.answer_to(request)).await;
        answered.unwrap_or(Err(ApiError::TimeOut))
    }

    async fn answer_to<T: DeserializeOwned>(&self, request: Request<Full<Bytes>>) -> Result<T, ApiError> {
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| ApiError::NoAnswer(error.into()))?;
        let (status, retry_after) = (answer.status(), retry_after(&answer));
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
        if status != StatusCode::OK {
            let text = body.map(|body| beginning(&body.to_bytes())).unwrap_or_default();
            return Err(ApiError::Refused {
                status,
                text,
                retry_after,
            });
        }
        let body = body.map_err(ApiError::NoAnswer)?;
        serde_json::from_slice(&body.to_bytes()).map_err(ApiError::NotUnderstood)
    }
}

/// Only the form in seconds: what names a time is left to back-off.
fn retry_after(answer: &Response<Incoming>) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

fn beginning(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.chars()
        .filter(|c| !c.is_control())
        .take(MAX_SHOWN_CHARS)
        .collect()
}
