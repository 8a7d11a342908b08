use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{TestApp, ada, bob, carl, root};

const PATH: &str = "/messages/read";

#[tokio::test]
async fn marking_up_to_a_message_leaves_later_ones_unread() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    app.send_text(&carl(), id, "one").await;
    let two = app.send_text(&carl(), id, "two").await;
    app.send_text(&carl(), id, "three").await;
    let read = app
        .post(&ada(), PATH, json!({"conversationId": id, "upTo": two["id"]}))
        .await;
    assert_snapshot!(read.to_snapshot());
    assert_eq!(app.unread_total(&ada()).await, 1);
}

#[tokio::test]
async fn marking_an_older_message_again_returns_its_receipt() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let one = app.send_text(&carl(), id, "one").await;
    let first = app
        .post(&ada(), PATH, json!({"conversationId": id, "upTo": one["id"]}))
        .await;
    let two = app.send_text(&carl(), id, "two").await;
    app.post(&ada(), PATH, json!({"conversationId": id, "upTo": two["id"]}))
        .await;
    let again = app
        .post(&ada(), PATH, json!({"conversationId": id, "upTo": one["id"]}))
        .await;
    assert_eq!(again.data()["readAt"], first.data()["readAt"]);
    assert_eq!(again.data()["unreadCount"], 0);
}

#[tokio::test]
async fn an_own_message_has_no_receipt() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let own = app.send_text(&carl(), id, "one").await;
    let read = app
        .post(&carl(), PATH, json!({"conversationId": id, "upTo": own["id"]}))
        .await;
    assert_eq!(
        read.data(),
        json!({"unreadCount": 0, "unreadVersion": 0, "readAt": Value::Null})
    );
}

#[tokio::test]
async fn a_message_of_another_conversation_is_not_found() {
    let app = TestApp::new();
    let (alpine, bergsport) = (app.open("alpine").await, app.open("bergsport").await);
    let elsewhere = app.send_text(&bob(), bergsport, "Hello").await;
    let read = app
        .post(
            &carl(),
            PATH,
            json!({"conversationId": alpine, "upTo": elsewhere["id"]}),
        )
        .await;
    assert_eq!(read.error(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn an_admin_cannot_mark_messages_as_read() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let message = app.send_text(&carl(), id, "one").await;
    let read = app
        .post(
            &root(),
            PATH,
            json!({"conversationId": id, "upTo": message["id"]}),
        )
        .await;
    assert_eq!(read.error(), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn the_unread_total_covers_all_conversations_of_the_caller() {
    let app = TestApp::new();
    let (alpine, bergsport) = (app.open("alpine").await, app.open("bergsport").await);
    app.send_text(&ada(), alpine, "one").await;
    app.send_text(&bob(), bergsport, "two").await;
    assert_snapshot!(app.get(&carl(), "/messages/unread").await.to_snapshot());
    for (actor, unread) in [(ada(), 0), (bob(), 0), (root(), 0)] {
        assert_eq!(app.unread_total(&actor).await, unread);
    }
}
