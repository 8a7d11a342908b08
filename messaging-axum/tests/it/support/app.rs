//! The test application: two clients, two agents and an admin, with an in-memory store.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, header::CONTENT_TYPE, request::Builder},
};
use messaging_axum::HttpOptions;
use messaging_core::{
    Actor, ConversationId, Messaging, MessagingBuilder, Workers,
    clock::{ManualClock, SequentialIds},
    host::rate_limit::Unlimited,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{People, TestResponse, TestStore, Transport, carl, contract, store};

/// The id of a conversation that does not exist.
pub(crate) const UNKNOWN_ID: &str = "00000000-0000-7000-8000-000000000000";

pub(crate) struct TestApp {
    pub(crate) router: Router,
    pub(crate) messaging: Messaging,
    pub(crate) workers: Workers,
    pub(crate) store: TestStore,
    pub(crate) clock: ManualClock,
    pub(crate) transport: Transport,
}

impl TestApp {
    pub(crate) fn new() -> Self {
        Self::with(HttpOptions::default(), |builder| builder)
    }

    pub(crate) fn with(
        options: HttpOptions,
        parts: impl FnOnce(MessagingBuilder) -> MessagingBuilder,
    ) -> Self {
        let (store, clock, transport) = (TestStore::default(), ManualClock::new(), Transport::default());
        let builder = Messaging::builder(store.clone(), People)
            .rate_limiter(Unlimited)
            .realtime(transport.clone())
            .clock(clock.clone())
            .ids(SequentialIds::default());
        let (messaging, workers) = parts(builder).build().expect("the parts fit");
        let router = messaging_axum::routes(&messaging, options).all();
        Self {
            router,
            messaging,
            workers,
            store,
            clock,
            transport,
        }
    }

    /// Sends a request, and validates the response against the OpenAPI document.
    pub(crate) async fn request(&self, request: Request<Body>) -> TestResponse {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let Ok(response) = self.router.clone().oneshot(request).await;
        let response = TestResponse::read(response).await;
        contract::check(&method, &path, &response);
        response
    }

    /// Sends a request as an actor.
    pub(crate) async fn request_as(
        &self,
        actor: &Actor,
        request: Builder,
        body: impl Into<Body>,
    ) -> TestResponse {
        let request = request
            .extension(actor.clone())
            .body(body.into())
            .expect("a request");
        self.request(request).await
    }

    pub(crate) async fn get(&self, actor: &Actor, path: &str) -> TestResponse {
        self.request_as(actor, Request::get(path), "").await
    }

    pub(crate) async fn put(&self, actor: &Actor, path: &str) -> TestResponse {
        self.request_as(actor, Request::put(path), "").await
    }

    pub(crate) async fn delete(&self, actor: &Actor, path: &str) -> TestResponse {
        self.request_as(actor, Request::delete(path), "").await
    }

    pub(crate) async fn post(&self, actor: &Actor, path: &str, body: Value) -> TestResponse {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        self.request_as(actor, request, body.to_string()).await
    }

    pub(crate) async fn subscribe(&self, actor: &Actor, channel: &str) -> TestResponse {
        let request = Request::post("/pusher/auth").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let form = format!("socket_id=1234.5678&channel_name={channel}");
        self.request_as(actor, request, form).await
    }

    /// Opens Carl's conversation with an agent, a second after the previous event.
    pub(crate) async fn open(&self, agent: &str) -> ConversationId {
        self.open_as(&carl(), agent).await
    }

    pub(crate) async fn open_as(&self, client: &Actor, agent: &str) -> ConversationId {
        self.clock.advance(Duration::from_secs(1));
        let opened = self
            .post(client, "/messages/conversations", json!({ "agentId": agent }))
            .await;
        assert_eq!(opened.status, 201, "{opened:?}");
        let id = opened.data()["id"].as_str().expect("an id").to_owned();
        ConversationId::parse(id).expect("an id of ours")
    }

    /// Sends a text, a second after the previous event; returns the message.
    pub(crate) async fn send_text(&self, actor: &Actor, id: ConversationId, text: &str) -> Value {
        self.clock.advance(Duration::from_secs(1));
        let sent = self
            .post(
                actor,
                "/messages",
                json!({ "conversationId": id, "content": text }),
            )
            .await;
        assert_eq!(sent.status, 201, "{sent:?}");
        sent.data().clone()
    }

    /// A history page; `more` is appended to the query.
    pub(crate) async fn history(&self, actor: &Actor, id: ConversationId, more: &str) -> TestResponse {
        self.get(actor, &format!("/messages?conversationId={id}{more}"))
            .await
    }

    pub(crate) async fn unread_total(&self, actor: &Actor) -> u64 {
        let unread = self.get(actor, "/messages/unread").await;
        unread.data()["unreadCount"].as_u64().expect("a number")
    }

    /// All store contents that a request could change.
    pub(crate) async fn contents(&self) -> String {
        store::contents(&self.store).await
    }

    /// Runs the relay once; returns the events as channel, name and data.
    pub(crate) async fn publish_events(&self) -> Vec<(String, &'static str, Value)> {
        self.workers.relay().step().await.expect("lanes can be claimed");
        self.transport.take()
    }
}

/// Runs all futures concurrently; returns the results in the order given.
pub(crate) async fn all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures_util::future::join_all(futures).await
}

/// A shared value for test doubles.
pub(crate) type Shared<T> = Arc<std::sync::Mutex<T>>;
