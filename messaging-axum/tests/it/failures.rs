//! Store failures: the error responses, and that they reveal nothing internal.

use std::time::Duration;

use axum::http::{Method, Request, header::CONTENT_TYPE};
use insta::assert_snapshot;
use messaging_core::store::StoreErrorKind;
use serde_json::json;

use crate::support::{Fault, TestApp, TestResponse, carl, root};

/// Sends one request to every route; each would succeed with a working store.
async fn request_every_route(app: &TestApp, id: &str, message: &str) -> Vec<TestResponse> {
    let mut responses = Vec::new();
    for (method, path, body) in [
        (Method::GET, "/messages/conversations".to_owned(), None),
        (
            Method::POST,
            "/messages/conversations".to_owned(),
            Some(json!({"agentId": "alpine"})),
        ),
        (Method::GET, format!("/messages?conversationId={id}"), None),
        (
            Method::POST,
            "/messages".to_owned(),
            Some(json!({"conversationId": id, "content": "Hello"})),
        ),
        (Method::GET, "/messages/unread".to_owned(), None),
        (
            Method::POST,
            "/messages/read".to_owned(),
            Some(json!({"conversationId": id, "upTo": message})),
        ),
        (
            Method::POST,
            "/messages/typing".to_owned(),
            Some(json!({"conversationId": id, "typing": true})),
        ),
        (Method::GET, format!("/messages/conversations/{id}"), None),
        (Method::PUT, format!("/messages/conversations/{id}/block"), None),
        (
            Method::DELETE,
            format!("/messages/conversations/{id}/block"),
            None,
        ),
        (
            Method::POST,
            format!("/messages/conversations/{id}/reports"),
            Some(json!({"reason": "rude"})),
        ),
        (Method::GET, "/messages/admin/reports".to_owned(), None),
        (Method::GET, "/messages/admin/audit".to_owned(), None),
        (
            Method::PUT,
            format!("/messages/admin/conversations/{id}/close"),
            None,
        ),
        (
            Method::DELETE,
            format!("/messages/admin/conversations/{id}/close"),
            None,
        ),
    ] {
        let actor = if path.contains("admin") { root() } else { carl() };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/json")
            .header("x-request-id", "the-id");
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        responses.push(app.request_as(&actor, request, body).await);
    }
    responses.push(
        app.subscribe(&carl(), &format!("private-conversation-{id}"))
            .await,
    );
    responses
}

async fn app_with_message() -> (TestApp, String, String) {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let message = app.send_text(&carl(), id, "one").await;
    (
        app,
        id.to_string(),
        message["id"].as_str().expect("an id").to_owned(),
    )
}

#[tokio::test]
async fn an_unavailable_store_makes_every_route_unavailable() {
    for (millis, seconds) in [(0, "1"), (20, "1"), (1000, "1"), (2500, "3")] {
        let (app, id, message) = app_with_message().await;
        let before = app.contents().await;
        let retry_after = Duration::from_millis(millis);
        app.store
            .fail(Fault::All(StoreErrorKind::Unavailable { retry_after }));
        for response in request_every_route(&app, &id, &message).await {
            assert_eq!(response.error(), (503, "unavailable".to_owned()));
            assert_eq!(response.header("retry-after"), Some(seconds));
            assert!(!response.text.contains("internal text"), "{response:?}");
        }
        assert_eq!(app.contents().await, before);
    }
}

#[tokio::test]
async fn a_write_of_unknown_outcome_can_be_repeated() {
    let (app, id, message) = app_with_message().await;
    app.store.fail(Fault::Writes(StoreErrorKind::OutcomeUnknown));
    for (path, body) in [
        (
            "/messages",
            json!({"conversationId": id, "content": "Hello", "clientMessageId": "k-1"}),
        ),
        ("/messages/conversations", json!({"agentId": "alpine"})),
    ] {
        let response = app.post(&carl(), path, body.clone()).await;
        assert_eq!(response.error(), (503, "outcome_unknown".to_owned()));
        assert_eq!(response.header("retry-after"), Some("1"));
        app.store.recover();
        assert!([200, 201].contains(&app.post(&carl(), path, body).await.status));
        app.store.fail(Fault::Writes(StoreErrorKind::OutcomeUnknown));
    }
    let read = json!({"conversationId": id, "upTo": message});
    let read = app.post(&crate::support::ada(), "/messages/read", read).await;
    assert_snapshot!(read.to_snapshot());
}

#[tokio::test]
async fn a_read_only_store_still_serves_reads() {
    let (app, id, _) = app_with_message().await;
    app.store.fail(Fault::Writes(StoreErrorKind::ReadOnly));
    assert_eq!(app.get(&carl(), "/messages/conversations").await.status, 200);
    let send = json!({"conversationId": id, "content": "Hello"});
    assert_eq!(
        app.post(&carl(), "/messages", send).await.error(),
        (503, "unavailable".to_owned())
    );
}

#[tokio::test]
async fn an_admin_reads_nothing_that_cannot_be_audited() {
    let (app, id, _) = app_with_message().await;
    app.store.fail(Fault::Writes(StoreErrorKind::ReadOnly));
    for path in [
        "/messages/conversations".to_owned(),
        format!("/messages/conversations/{id}"),
        format!("/messages?conversationId={id}"),
        "/messages/admin/reports".to_owned(),
        "/messages/admin/audit".to_owned(),
    ] {
        assert_eq!(
            app.get(&root(), &path).await.error(),
            (503, "unavailable".to_owned())
        );
    }
}

#[tokio::test]
async fn an_internal_error_contains_the_request_id() {
    for fault in [
        Fault::All(StoreErrorKind::Internal),
        Fault::All(StoreErrorKind::Corrupt),
        Fault::Panic,
    ] {
        let (app, id, message) = app_with_message().await;
        app.store.fail(fault);
        for response in request_every_route(&app, &id, &message).await {
            assert_eq!(response.error(), (500, "internal".to_owned()));
            let id = response.header("x-request-id").expect("an id");
            let message = response.json()["error"].as_str().expect("a message").to_owned();
            assert!(message.ends_with(id), "{message}");
            assert!(!response.text.contains("internal text"), "{response:?}");
        }
    }
}

#[tokio::test]
async fn an_internal_error_has_the_standard_body() {
    let (app, id, message) = app_with_message().await;
    app.store.fail(Fault::Panic);
    assert_snapshot!(request_every_route(&app, &id, &message).await[0].to_snapshot());
}
