//! Health probes.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::RETRY_AFTER},
    response::IntoResponse,
};
use messaging_core::{Messaging, operations::Health};
use serde::Serialize;
use serde_json::json;

/// Readiness of the server, and its publishing backlog.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the response")]
struct Readiness {
    /// Whether the server should receive requests.
    ready: bool,
    /// Whether the store can be read.
    reads: bool,
    /// Whether the store accepts writes.
    writes: bool,
    /// Whether this server publishes: the transport accepts its credentials, and its clock agrees with the database's.
    publishes: bool,
    /// Time of the check, in milliseconds since 1970; `null` if the store does not respond.
    as_of_ms: Option<i64>,
    /// Number of conversations with unpublished events; `null` if the store does not respond.
    unpublished_conversations: Option<u64>,
    oldest_unpublished_ms: Option<u128>,
    /// How long the first due event has been waiting for a worker; `null` if none is due.
    unclaimed_ms: Option<u128>,
    dead_letters: Option<u64>,
}

impl Readiness {
    /// The store does not respond.
    const UNKNOWN: Self = Self {
        ready: false,
        reads: false,
        writes: false,
        publishes: false,
        as_of_ms: None,
        unpublished_conversations: None,
        oldest_unpublished_ms: None,
        unclaimed_ms: None,
        dead_letters: None,
    };
}

impl From<Health> for Readiness {
    fn from(health: Health) -> Self {
        let (writes, publishes) = (health.takes_writes, health.publishes());
        Self {
            ready: writes && publishes,
            reads: true,
            writes,
            publishes,
            as_of_ms: Some(health.seen_at.as_millis()),
            unpublished_conversations: Some(health.backlog.lanes),
            oldest_unpublished_ms: health.oldest_unpublished.map(|age| age.as_millis()),
            unclaimed_ms: health.unclaimed_for.map(|waited| waited.as_millis()),
            dead_letters: Some(health.backlog.dead_letters),
        }
    }
}

/// `GET /healthz`: the process is alive.
pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: readiness, at most a second old; 503 unless ready.
pub(crate) async fn ready(State(messaging): State<Messaging>) -> impl IntoResponse {
    let readiness = match messaging.operations().recent_health().await {
        Ok(health) => health.into(),
        // The shared health check has already logged the error once.
        Err(_) => Readiness::UNKNOWN,
    };
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness))
}

/// The response to other requests above the connection limit.
pub(crate) async fn over_capacity() -> impl IntoResponse {
    let refusal = json!({
        "success": false,
        "error": "The server has reached its connection limit. Please try again shortly.",
        "code": "unavailable",
    });
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(RETRY_AFTER, "1")],
        Json(refusal),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use messaging_core::{memory::MemoryStore, store::StoreErrorKind};
    use messaging_testkit::fake::{Effect, FailingStore, FakeDirectory};

    use super::*;

    /// The second store call of a health check is the write.
    const WRITE: u64 = 2;

    async fn status_where_the_write_fails(kind: StoreErrorKind) -> StatusCode {
        let store = FailingStore::new(MemoryStore::new());
        let (messaging, _workers) = Messaging::builder(store.clone(), FakeDirectory::new())
            .build()
            .expect("the parts fit");
        store.fail(WRITE, kind, Effect::None);
        ready(State(messaging)).await.into_response().status()
    }

    #[tokio::test]
    async fn a_busy_store_is_ready_and_a_read_only_one_is_not() {
        let busy = StoreErrorKind::Unavailable {
            retry_after: Duration::from_secs(1),
        };
        assert_eq!(status_where_the_write_fails(busy).await, StatusCode::OK);
        assert_eq!(
            status_where_the_write_fails(StoreErrorKind::ReadOnly).await,
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
}
