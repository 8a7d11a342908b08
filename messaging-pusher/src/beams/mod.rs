//! Push notifications through Pusher Beams.

mod config;
mod payload;
mod token;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use http_body_util::Full;
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use messaging_core::{
    Timestamp,
    clock::SystemClock,
    id::UserId,
    transport::push::{Notification, Push},
    transport::{TransportError, TransportErrorKind},
};
use serde_json::{Map, Value};

pub use config::{BeamsConfig, BeamsConfigError, BeamsContent};

use crate::hosted::{
    http::{ApiError, Http},
    publish::publish_error,
};

/// Maximum number of users for each call.
const USERS_PER_CALL: usize = 1_000;

/// Maximum size of a request body, in bytes.
const MAX_BODY_BYTES: usize = 200 * 1024;

/// Sends push notifications through Pusher Beams. Clones share connections. Requires a tokio runtime.
///
/// Devices register for a user with the token from `GET /pusher/beams-auth`.
#[derive(Clone)]
pub struct BeamsPush(Arc<Inner>);

struct Inner {
    http: Http,
    config: BeamsConfig,
    url: String,
    authorization: HeaderValue,
}

impl BeamsPush {
    /// Creates a client for a Beams instance. Performs no network I/O.
    ///
    /// # Errors
    /// [`BeamsConfigError::Tls`] if no root certificate is available.
    pub fn new(config: BeamsConfig) -> Result<Self, BeamsConfigError> {
        let clock = Arc::new(SystemClock);
        let http = Http::new(config.tls(), &[], config.call_timeout, clock);
        let http = http.map_err(|error| BeamsConfigError::Tls(error.into()))?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", config.secret.expose()))
            .map_err(|_| BeamsConfigError::Secret)?;
        authorization.set_sensitive(true);
        let url = format!(
            "{}/publish_api/v1/instances/{}/publishes/users",
            config.base(),
            config.instance
        );
        Ok(Self(Arc::new(Inner {
            http,
            config,
            url,
            authorization,
        })))
    }
}

#[async_trait]
impl Push for BeamsPush {
    async fn notify(&self, users: &[UserId], notification: &Notification) -> Result<(), TransportError> {
        let Inner {
            http,
            config,
            url,
            authorization,
        } = &*self.0;
        for users in users.chunks(USERS_PER_CALL) {
            let body = payload::body(users, notification, config);
            let refused = |reason| TransportError::new(TransportErrorKind::Refused, reason);
            if body.len() > MAX_BODY_BYTES {
                return Err(refused("the notification is larger than 200 KiB"));
            }
            let request = Request::builder()
                .method(Method::POST)
                .uri(url)
                .header(CONTENT_TYPE, "application/json")
                .header(AUTHORIZATION, authorization)
                .body(Full::new(Bytes::from(body)))
                .map_err(|error| TransportError::new(TransportErrorKind::Refused, error))?;
            let _published: Map<String, Value> = http.call(request).await.map_err(beams_error)?;
        }
        Ok(())
    }

    fn user_token(&self, user_id: &UserId, now: Timestamp) -> String {
        let config = &self.0.config;
        token::user_token(&config.instance, &config.secret, user_id, now)
    }
}

/// Maps an API error as for Channels, except that Beams also rejects a notification with 422 and reports an exhausted
/// account with 402.
fn beams_error(error: ApiError) -> TransportError {
    let kind = match &error {
        ApiError::Refused { status, .. } if *status == StatusCode::PAYMENT_REQUIRED => {
            TransportErrorKind::Misconfigured
        }
        ApiError::Refused { status, .. } if *status == StatusCode::UNPROCESSABLE_ENTITY => {
            TransportErrorKind::Refused
        }
        _ => return publish_error(error),
    };
    TransportError::new(kind, error)
}

impl fmt::Debug for BeamsPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeamsPush")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}
