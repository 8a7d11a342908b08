use serde_json::json;

use crate::support::{TestApp, TestResponse, ada, carl, root};

async fn send(
    app: &TestApp,
    actor: &messaging_core::Actor,
    id: messaging_core::ConversationId,
) -> TestResponse {
    let body = json!({"conversationId": id, "content": "Hello"});
    app.post(actor, "/messages", body).await
}

#[tokio::test]
async fn a_blocked_side_cannot_send_until_it_is_unblocked() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let path = format!("/messages/conversations/{id}/block");
    for _ in 0..2 {
        let blocked = app.put(&ada(), &path).await;
        assert_eq!((blocked.status, blocked.text.as_str()), (204, ""));
    }
    assert_eq!(
        send(&app, &carl(), id).await.error(),
        (403, "conversation_blocked".to_owned())
    );
    assert_eq!(send(&app, &ada(), id).await.status, 201);
    let seen = app.history(&carl(), id, "").await.data()["conversation"].clone();
    assert_eq!(
        (&seen["status"], &seen["blockedBy"], &seen["canSend"]),
        (&json!("blocked"), &json!(["agent"]), &json!(false))
    );
    assert_eq!(app.delete(&ada(), &path).await.status, 204);
    assert_eq!(send(&app, &carl(), id).await.status, 201);
}

#[tokio::test]
async fn unblocking_does_not_remove_the_other_sides_block() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let path = format!("/messages/conversations/{id}/block");
    app.put(&ada(), &path).await;
    assert_eq!(app.delete(&carl(), &path).await.status, 204);
    assert_eq!(
        send(&app, &carl(), id).await.error(),
        (403, "conversation_blocked".to_owned())
    );
}

#[tokio::test]
async fn an_admin_cannot_block() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let response = app
        .put(&root(), &format!("/messages/conversations/{id}/block"))
        .await;
    assert_eq!(response.error(), (403, "forbidden".to_owned()));
}
