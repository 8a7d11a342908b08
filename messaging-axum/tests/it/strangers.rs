//! What an actor may not see answers exactly like what does not exist.

use axum::http::{Method, Request, header::CONTENT_TYPE};
use messaging_core::{Actor, Role, UserId};
use serde_json::json;

use crate::support::{Answer, NOWHERE, World, ada, bob, carl, eve};

/// Each route that names a conversation, as a request about the one with that id.
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

async fn answers(world: &World, actor: &Actor, id: &str, message: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (method, path, body) in requests(id, message) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/json");
        answers.push(
            world
                .ask(actor, request, body.unwrap_or_default())
                .await
                .anonymous(),
        );
    }
    for channel in ["private", "presence"] {
        let channel = format!("{channel}-conversation-{id}");
        answers.push(world.subscribe(actor, &channel).await.anonymous());
    }
    answers
}

#[tokio::test]
async fn a_conversation_of_others_is_like_none() {
    let world = World::new();
    let id = world.open("alpine").await;
    let message = world.say(&carl(), id, "A secret").await;
    let message = message["id"].as_str().expect("an id");
    let role = Role::Agent {
        agent_id: messaging_core::AgentId::parse("alpine").expect("an id"),
    };
    let impostor = Actor::new(UserId::parse("mallory").expect("an id"), role);
    let before = world.contents().await;
    for stranger in [eve(), bob(), impostor] {
        let theirs = answers(&world, &stranger, &id.to_string(), message).await;
        let nobodys = answers(&world, &stranger, NOWHERE, message).await;
        assert_eq!(theirs, nobodys, "{stranger:?}");
        assert!(theirs.iter().all(|answer| [403, 404].contains(&answer.status)));
        assert!(theirs.iter().all(|answer| !answer.text.contains("secret")));
    }
    assert_eq!(world.contents().await, before);
}

#[tokio::test]
async fn whether_it_is_blocked_or_closed_is_not_told_either() {
    let world = World::new();
    let id = world.open("alpine").await.to_string();
    world
        .put(&ada(), &format!("/messages/conversations/{id}/block"))
        .await;
    let nobodys = answers(&world, &eve(), NOWHERE, NOWHERE).await;
    assert_eq!(answers(&world, &eve(), &id, NOWHERE).await, nobodys);
    world
        .put(
            &crate::support::root(),
            &format!("/messages/admin/conversations/{id}/close"),
        )
        .await;
    assert_eq!(answers(&world, &eve(), &id, NOWHERE).await, nobodys);
}

#[tokio::test]
async fn lists_and_totals_hold_nothing_of_others() {
    let world = World::new();
    let id = world.open("alpine").await;
    world.say(&carl(), id, "A secret").await;
    for stranger in [eve(), bob()] {
        assert_eq!(
            world.get(&stranger, "/messages/conversations").await.data(),
            json!([])
        );
        assert_eq!(world.total(&stranger).await, 0);
    }
}
