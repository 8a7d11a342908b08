//! Clients that disconnect before the response.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use axum::{
    body::Body,
    http::{Request, header::CONTENT_TYPE},
};
use futures_util::poll;
use messaging_axum::HttpOptions;
use messaging_core::{
    AgentId, BookingId, Messaging, UserId,
    clock::ManualClock,
    host::HostError,
    host::directory::{BookingParties, Contact, Directory, ProfileQuery, Profiles},
    memory::MemoryStore,
};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::support::{ada, carl};

/// A directory that blocks until a permit is added.
struct BlockingDirectory(Arc<Semaphore>);

#[async_trait]
impl Directory for BlockingDirectory {
    async fn profiles(&self, _: &ProfileQuery) -> Result<Profiles, HostError> {
        Ok(Profiles::default())
    }

    async fn agent_user(&self, _: &AgentId) -> Result<Option<UserId>, HostError> {
        let permit = self.0.acquire().await.map_err(HostError::permanent)?;
        permit.forget();
        Ok(Some(ada().user_id().clone()))
    }

    async fn booking_parties(&self, _: &BookingId) -> Result<Option<BookingParties>, HostError> {
        Ok(None)
    }

    async fn contacts(&self, _: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError> {
        Ok(HashMap::new())
    }
}

#[tokio::test]
async fn a_request_is_completed_after_its_client_disconnects() {
    let permits = Arc::new(Semaphore::new(0));
    let (messaging, _workers) = Messaging::builder(MemoryStore::new(), BlockingDirectory(permits.clone()))
        .clock(ManualClock::new())
        .build()
        .expect("the parts fit");
    let app = messaging_axum::routes::<()>(&messaging, HttpOptions::default()).all();
    let open = Request::post("/messages/conversations")
        .header(CONTENT_TYPE, "application/json")
        .extension(carl())
        .body(Body::from(r#"{"agentId": "alpine"}"#))
        .expect("a request");
    let mut request = Box::pin(app.oneshot(open));
    assert!(poll!(&mut request).is_pending());
    tokio::task::yield_now().await;
    drop(request);
    permits.add_permits(1);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let backlog = messaging.operations().health().await.expect("a store").backlog;
    assert_eq!(backlog.lanes, 1, "the conversation was opened");
}
