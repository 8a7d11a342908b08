use messaging_axum::{HttpOptions, Route};
use messaging_core::{event::SocketId, host::rate_limit::ProcessLimiter};
use serde_json::json;

use crate::support::{TestApp, ada, carl, root};

const PATH: &str = "/messages/typing";

#[tokio::test]
async fn the_other_side_receives_typing_events() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    for (typing, name) in [(true, "typing-start"), (false, "typing-stop")] {
        let response = app
            .post(&carl(), PATH, json!({"conversationId": id, "typing": typing}))
            .await;
        assert_eq!((response.status, response.text.as_str()), (204, ""));
        let event = (
            format!("private-conversation-{id}"),
            name,
            json!({"conversationId": id, "userId": "carl"}),
        );
        assert_eq!(app.transport.take(), [event]);
    }
}

#[tokio::test]
async fn the_callers_own_connection_is_excluded() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let body = json!({"conversationId": id, "typing": true, "socketId": "1234.5678"});
    assert_eq!(app.post(&ada(), PATH, body).await.status, 204);
    let events = app.transport.events();
    let except = events[0].except.as_ref().map(SocketId::as_str);
    assert_eq!((events.len(), except), (1, Some("1234.5678")));
}

#[tokio::test]
async fn typing_succeeds_while_the_transport_is_down() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    app.transport.go_down();
    let response = app
        .post(&carl(), PATH, json!({"conversationId": id, "typing": true}))
        .await;
    assert_eq!(response.status, 204);
}

#[tokio::test]
async fn rate_limited_typing_has_retry_after() {
    let app = TestApp::with(HttpOptions::default(), |parts| {
        parts.rate_limiter(ProcessLimiter::default())
    });
    let id = app.open("alpine").await;
    let body = json!({"conversationId": id, "typing": true});
    for _ in 0..10 {
        assert_eq!(app.post(&carl(), PATH, body.clone()).await.status, 204);
    }
    let response = app.post(&carl(), PATH, body).await;
    assert_eq!(response.error(), (429, "rate_limited".to_owned()));
    assert_eq!(response.headers["retry-after"], "1");
    assert_eq!(app.transport.take().len(), 10);
}

#[tokio::test]
async fn an_admin_cannot_set_typing() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let response = app
        .post(&root(), PATH, json!({"conversationId": id, "typing": true}))
        .await;
    assert_eq!(response.error(), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn the_typing_route_can_be_disabled() {
    let app = TestApp::with(HttpOptions::default().without(Route::SetTyping), |parts| parts);
    let id = app.open("alpine").await;
    let response = app
        .post(&carl(), PATH, json!({"conversationId": id, "typing": true}))
        .await;
    assert_eq!((response.status, response.text.as_str()), (404, ""));
}
