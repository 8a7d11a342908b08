//! What an operator's probes ask.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::RETRY_AFTER},
    response::IntoResponse,
};
use messaging_core::{Health, Messaging};
use serde::Serialize;
use serde_json::json;

/// Whether to send requests here, what works, and how far publishing is behind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the answer")]
struct Readiness {
    /// Whether everything works.
    ready: bool,
    /// Whether the store answers.
    reads: bool,
    /// Whether the store takes writes.
    writes: bool,
    /// Whether this server publishes: the transport takes its credentials, and its clock agrees with the database's.
    publishes: bool,
    /// When the store was looked at, in milliseconds since 1970; `null` when it cannot say.
    as_of_ms: Option<i64>,
    /// How many conversations have unpublished events; `null` when the store cannot say.
    unpublished_conversations: Option<u64>,
    oldest_unpublished_ms: Option<u128>,
    dead_letters: Option<u64>,
}

impl Readiness {
    /// When the store does not answer.
    const UNKNOWN: Self = Self {
        ready: false,
        reads: false,
        writes: false,
        publishes: false,
        as_of_ms: None,
        unpublished_conversations: None,
        oldest_unpublished_ms: None,
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
            dead_letters: Some(health.backlog.dead_letters),
        }
    }
}

/// `GET /healthz`: the process is alive.
pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: what works, as of at most a second ago; 503 unless everything does.
pub(crate) async fn ready(State(messaging): State<Messaging>) -> impl IntoResponse {
    let readiness = match messaging.recent_health().await {
        Ok(health) => health.into(),
        // The look itself has been logged, once for all who share it.
        Err(_) => Readiness::UNKNOWN,
    };
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness))
}

/// What all but probes are told when there are as many connections as may be.
pub(crate) async fn over_capacity() -> impl IntoResponse {
    let refusal = json!({
        "success": false,
        "error": "The server has as many connections as it takes. Please try again shortly.",
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

    /// The second call of a look is the write.
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
    async fn a_busy_store_is_ready_and_one_that_takes_no_writes_is_not() {
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
