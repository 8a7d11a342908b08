use axum::http::{Request, header::CONTENT_TYPE};
use insta::assert_snapshot;
use messaging_core::{Body, ConversationId, IdempotencyKey, Recipients, Side, SystemMessage};
use serde_json::{Value, json};

use crate::support::{TestApp, TestResponse, ada, carl, root};

#[tokio::test]
async fn a_sent_message_is_identical_in_the_response_and_the_event() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let content = " <b>Is</b> the\r\nhut\u{0} open? ";
    let body = json!({"conversationId": id, "content": content, "clientMessageId": "k-1"});
    let sent = app.post(&carl(), "/messages", body).await;
    assert_snapshot!(sent.to_snapshot());
    let events = app.publish_events().await;
    let in_conversation = format!("private-conversation-{id}");
    let event = events
        .iter()
        .find(|(channel, name, _)| *channel == in_conversation && *name == "new-message");
    assert_eq!(event.map(|(_, _, data)| data), Some(&sent.data()));
}

#[tokio::test]
async fn a_history_is_oldest_first_and_includes_its_own_read_mark() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    app.send_text(&carl(), id, "Is the hut open?").await;
    let to = Recipients::Side(Side::Agent);
    let system = Body::parse("Booking confirmed").expect("a text");
    let key = IdempotencyKey::parse("booking-b-1").expect("a key");
    let sent = app
        .messaging
        .operations()
        .send_system_message(&SystemMessage::new(id, system, key).to(to))
        .await;
    sent.expect("a system message");
    app.send_text(&ada(), id, "From June on.").await;
    assert_snapshot!(app.history(&carl(), id, "").await.to_snapshot());
}

#[tokio::test]
async fn the_newest_cursor_of_an_empty_history_finds_later_messages() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let empty = app.history(&carl(), id, "").await;
    let data = empty.data();
    assert_eq!(
        (&data["messages"], &data["hasMore"], &data["nextCursor"]),
        (&json!([]), &json!(false), &Value::Null)
    );
    app.send_text(&ada(), id, "Welcome").await;
    let newest = data["newestCursor"].as_str().expect("a cursor");
    let newer = app.history(&carl(), id, &format!("&after={newest}")).await;
    assert_eq!(newer.contents(), ["Welcome"]);
}

async fn conversation_of(app: &TestApp, messages: usize) -> ConversationId {
    let id = app.open("alpine").await;
    for n in 1..=messages {
        app.send_text(&carl(), id, &n.to_string()).await;
    }
    id
}

#[tokio::test]
async fn a_page_has_50_messages_by_default() {
    let app = TestApp::new();
    let id = conversation_of(&app, 51).await;
    assert_eq!(app.history(&carl(), id, "").await.contents().len(), 50);
    assert_eq!(app.history(&carl(), id, "&limit=100").await.contents().len(), 51);
}

#[tokio::test]
async fn older_messages_follow_the_cursor_to_the_beginning() {
    let app = TestApp::new();
    let id = conversation_of(&app, 5).await;
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.history(&ada(), id, &format!("&limit=2{cursor}")).await;
        pages.push(page.contents());
        let data = page.data();
        assert_eq!(data["hasMore"], data["nextCursor"].is_string());
        match data["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(pages, [vec!["4", "5"], vec!["2", "3"], vec!["1"]]);
}

#[tokio::test]
async fn newer_messages_follow_the_newest_cursor() {
    let app = TestApp::new();
    let id = conversation_of(&app, 1).await;
    let newest = |page: &TestResponse| page.data()["newestCursor"].as_str().expect("a cursor").to_owned();
    let mut at = newest(&app.history(&ada(), id, "").await);
    for n in 2..=4 {
        app.send_text(&carl(), id, &n.to_string()).await;
    }
    for (expected, has_more) in [(vec!["2", "3"], true), (vec!["4"], false), (vec![], false)] {
        let page = app.history(&ada(), id, &format!("&limit=2&after={at}")).await;
        assert_eq!(page.contents(), expected);
        assert_eq!(
            (&page.data()["hasMore"], &page.data()["nextCursor"]),
            (&json!(has_more), &Value::Null)
        );
        at = newest(&page);
    }
}

#[tokio::test]
async fn only_the_newest_page_is_marked_as_read_by_default() {
    let app = TestApp::new();
    let id = conversation_of(&app, 4).await;
    let unread = async || app.unread_total(&ada()).await;
    let unmarked = app.history(&ada(), id, "&markRead=false").await;
    assert_eq!(
        (unread().await, &unmarked.data()["conversation"]["unreadCount"]),
        (4, &json!(4))
    );
    let page = app.history(&ada(), id, "&markRead=false&limit=2").await;
    let older = page.data()["nextCursor"].as_str().expect("a cursor").to_owned();
    app.history(&ada(), id, &format!("&cursor={older}&limit=1")).await;
    assert_eq!(unread().await, 4);
    app.history(&ada(), id, &format!("&cursor={older}&limit=1&markRead=true"))
        .await;
    assert_eq!(unread().await, 2);
    app.history(&ada(), id, "").await;
    assert_eq!(unread().await, 0);
}

#[tokio::test]
async fn an_admin_reads_without_marking() {
    let app = TestApp::new();
    let id = conversation_of(&app, 2).await;
    let history = app.history(&root(), id, "&markRead=true").await;
    let conversation = &history.data()["conversation"];
    assert_eq!(history.contents(), ["1", "2"]);
    assert_eq!(
        (
            &conversation["side"],
            &conversation["canSend"],
            &conversation["unreadCount"],
            &conversation["unreadVersion"]
        ),
        (&Value::Null, &json!(false), &json!(0), &json!(0))
    );
    assert_eq!(app.unread_total(&ada()).await, 2);
}

/// Sends with an idempotency key in the header and optionally in the body.
async fn send_with_key(
    app: &TestApp,
    id: ConversationId,
    text: &str,
    header: &str,
    body: Option<&str>,
) -> TestResponse {
    let request = Request::post("/messages")
        .header(CONTENT_TYPE, "application/json")
        .header("Idempotency-Key", header);
    let body = json!({"conversationId": id, "content": text, "clientMessageId": body});
    app.request_as(&carl(), request, body.to_string()).await
}

#[tokio::test]
async fn the_same_key_returns_the_same_message_from_header_and_body() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let first = send_with_key(&app, id, "Hello", "k-1", None).await;
    assert_eq!(
        (first.status, &first.data()["clientMessageId"]),
        (201, &json!("k-1"))
    );
    for in_body in [None, Some("k-1")] {
        let again = send_with_key(&app, id, " Hello ", "k-1", in_body).await;
        assert_eq!((again.status, again.data()), (200, first.data()));
    }
    let in_body = json!({"conversationId": id, "content": "Hello", "clientMessageId": "k-1"});
    assert_eq!(app.post(&carl(), "/messages", in_body).await.status, 200);
    assert_eq!(app.history(&ada(), id, "").await.contents(), ["Hello"]);
}

#[tokio::test]
async fn a_retry_succeeds_after_the_conversation_was_closed() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let first = send_with_key(&app, id, "Hello", "k-1", None).await;
    app.put(&root(), &format!("/messages/admin/conversations/{id}/close"))
        .await;
    let again = send_with_key(&app, id, "Hello", "k-1", None).await;
    assert_eq!((again.status, again.data()), (200, first.data()));
    let other = send_with_key(&app, id, "Hello", "k-2", None).await;
    assert_eq!(other.error(), (403, "conversation_closed".to_owned()));
}

#[tokio::test]
async fn texts_are_returned_unchanged() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let longest = [
        "a".repeat(2000),
        "😀".repeat(2000),
        "ש".repeat(2000),
        format!("a{}", "\u{321}".repeat(1999)),
        "<script>alert('1')</script> &amp; \u{200f}مرحبا\u{200e}".to_owned(),
    ];
    for text in &longest {
        assert_eq!(app.send_text(&carl(), id, text).await["content"], json!(text));
    }
    let composed = app.send_text(&carl(), id, &"e\u{301}".repeat(2000)).await;
    assert_eq!(composed["content"], json!("é".repeat(2000)));
}
