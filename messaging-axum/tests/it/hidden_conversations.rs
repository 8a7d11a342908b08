//! Conversations that the actor may not see are indistinguishable from missing ones.

use axum::http::{Method, Request, header::CONTENT_TYPE};
use messaging_core::{Actor, Role, UserId};
use serde_json::json;

use crate::support::{TestApp, TestResponse, UNKNOWN_ID, ada, bob, carl, eve};

/// A request to each route that names a conversation, with this id.
fn requests(id: &str, message: &str) -> Vec<(Method, String, Option<String>)> {
    let post = |path: &str, body: serde_json::Value| (Method::POST, path.to_owned(), Some(body.to_string()));
    let bare = |method, path: String| (method, path, None);
    vec![
        bare(Method::GET, format!("/messages?conversationId={id}")),
        bare(
            Method::GET,
            format!("/messages?conversationId={id}&markRead=true&limit=1"),
        ),
        post("/messages", json!({"conversationId": id, "content": "Hello"})),
        post(
            "/messages",
            json!({"conversationId": id, "content": "Hello", "clientMessageId": "k-1"}),
        ),
        post("/messages/read", json!({"conversationId": id, "upTo": message})),
        post("/messages/typing", json!({"conversationId": id, "typing": true})),
        bare(Method::GET, format!("/messages/conversations/{id}")),
        bare(Method::PUT, format!("/messages/conversations/{id}/block")),
        bare(Method::DELETE, format!("/messages/conversations/{id}/block")),
        post(
            &format!("/messages/conversations/{id}/reports"),
            json!({"reason": "rude", "messageId": message}),
        ),
        bare(Method::PUT, format!("/messages/admin/conversations/{id}/close")),
        bare(
            Method::DELETE,
            format!("/messages/admin/conversations/{id}/close"),
        ),
    ]
}

async fn responses(app: &TestApp, actor: &Actor, id: &str, message: &str) -> Vec<TestResponse> {
    let mut responses = Vec::new();
    for (method, path, body) in requests(id, message) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/json");
        responses.push(
            app.request_as(actor, request, body.unwrap_or_default())
                .await
                .without_request_id(),
        );
    }
    for channel in ["private", "presence"] {
        let channel = format!("{channel}-conversation-{id}");
        responses.push(app.subscribe(actor, &channel).await.without_request_id());
    }
    responses
}

#[tokio::test]
async fn a_conversation_of_others_is_indistinguishable_from_a_missing_one() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let message = app.send_text(&carl(), id, "A secret").await;
    let message = message["id"].as_str().expect("an id");
    let role = Role::Agent {
        agent_id: messaging_core::AgentId::parse("alpine").expect("an id"),
    };
    let impostor = Actor::new(UserId::parse("mallory").expect("an id"), role);
    let before = app.contents().await;
    for outsider in [eve(), bob(), impostor] {
        let hidden = responses(&app, &outsider, &id.to_string(), message).await;
        let missing = responses(&app, &outsider, UNKNOWN_ID, message).await;
        assert_eq!(hidden, missing, "{outsider:?}");
        assert!(
            hidden
                .iter()
                .all(|response| [403, 404].contains(&response.status))
        );
        assert!(hidden.iter().all(|response| !response.text.contains("secret")));
    }
    assert_eq!(app.contents().await, before);
}

#[tokio::test]
async fn blocked_and_closed_conversations_are_indistinguishable_from_missing_ones() {
    let app = TestApp::new();
    let id = app.open("alpine").await.to_string();
    app.put(&ada(), &format!("/messages/conversations/{id}/block"))
        .await;
    let missing = responses(&app, &eve(), UNKNOWN_ID, UNKNOWN_ID).await;
    assert_eq!(responses(&app, &eve(), &id, UNKNOWN_ID).await, missing);
    app.put(
        &crate::support::root(),
        &format!("/messages/admin/conversations/{id}/close"),
    )
    .await;
    assert_eq!(responses(&app, &eve(), &id, UNKNOWN_ID).await, missing);
}

#[tokio::test]
async fn lists_and_totals_contain_nothing_of_others() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    app.send_text(&carl(), id, "A secret").await;
    for outsider in [eve(), bob()] {
        assert_eq!(
            app.get(&outsider, "/messages/conversations").await.data(),
            json!([])
        );
        assert_eq!(app.unread_total(&outsider).await, 0);
    }
}
