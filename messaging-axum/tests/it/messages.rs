use axum::http::{Request, header::CONTENT_TYPE};
use insta::assert_snapshot;
use messaging_core::{Body, ConversationId, IdempotencyKey, Recipients, Side};
use serde_json::{Value, json};

use crate::support::{Answer, World, ada, carl, root};

#[tokio::test]
async fn a_message_that_was_sent_is_answered_and_published_alike() {
    let world = World::new();
    let id = world.open("alpine").await;
    let content = " <b>Is</b> the\r\nhut\u{0} open? ";
    let body = json!({"conversationId": id, "content": content, "clientMessageId": "k-1"});
    let sent = world.post(&carl(), "/messages", body).await;
    assert_snapshot!(sent.shown());
    let events = world.published().await;
    let in_conversation = format!("private-conversation-{id}");
    let event = events
        .iter()
        .find(|(channel, name, _)| *channel == in_conversation && *name == "new-message");
    assert_eq!(event.map(|(_, _, data)| data), Some(&sent.data()));
}

#[tokio::test]
async fn a_history_is_oldest_first_in_the_state_after_it_was_read() {
    let world = World::new();
    let id = world.open("alpine").await;
    world.say(&carl(), id, "Is the hut open?").await;
    let to = Recipients::Side(Side::Agent);
    let system = Body::parse("Booking confirmed").expect("a text");
    let key = IdempotencyKey::parse("booking-b-1").expect("a key");
    let sent = world.messaging.send_system_message(id, to, system, key).await;
    sent.expect("a system message");
    world.say(&ada(), id, "From June on.").await;
    assert_snapshot!(world.history(&carl(), id, "").await.shown());
}

#[tokio::test]
async fn an_empty_history_has_a_newest_cursor_that_finds_what_comes() {
    let world = World::new();
    let id = world.open("alpine").await;
    let empty = world.history(&carl(), id, "").await;
    let data = empty.data();
    assert_eq!(
        (&data["messages"], &data["hasMore"], &data["nextCursor"]),
        (&json!([]), &json!(false), &Value::Null)
    );
    world.say(&ada(), id, "Welcome").await;
    let newest = data["newestCursor"].as_str().expect("a cursor");
    let newer = world.history(&carl(), id, &format!("&after={newest}")).await;
    assert_eq!(newer.contents(), ["Welcome"]);
}

async fn conversation_of(world: &World, messages: usize) -> ConversationId {
    let id = world.open("alpine").await;
    for n in 1..=messages {
        world.say(&carl(), id, &n.to_string()).await;
    }
    id
}

#[tokio::test]
async fn a_page_holds_50_messages_unless_asked_otherwise() {
    let world = World::new();
    let id = conversation_of(&world, 51).await;
    assert_eq!(world.history(&carl(), id, "").await.contents().len(), 50);
    assert_eq!(
        world.history(&carl(), id, "&limit=100").await.contents().len(),
        51
    );
}

#[tokio::test]
async fn older_messages_follow_the_cursor_to_the_beginning() {
    let world = World::new();
    let id = conversation_of(&world, 5).await;
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.history(&ada(), id, &format!("&limit=2{cursor}")).await;
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
    let world = World::new();
    let id = conversation_of(&world, 1).await;
    let newest = |page: &Answer| page.data()["newestCursor"].as_str().expect("a cursor").to_owned();
    let mut at = newest(&world.history(&ada(), id, "").await);
    for n in 2..=4 {
        world.say(&carl(), id, &n.to_string()).await;
    }
    for (expected, has_more) in [(vec!["2", "3"], true), (vec!["4"], false), (vec![], false)] {
        let page = world.history(&ada(), id, &format!("&limit=2&after={at}")).await;
        assert_eq!(page.contents(), expected);
        assert_eq!(
            (&page.data()["hasMore"], &page.data()["nextCursor"]),
            (&json!(has_more), &Value::Null)
        );
        at = newest(&page);
    }
}

#[tokio::test]
async fn seeing_is_reading_only_where_it_is_said_or_the_page_is_the_newest() {
    let world = World::new();
    let id = conversation_of(&world, 4).await;
    let unread = async || world.total(&ada()).await;
    let unmarked = world.history(&ada(), id, "&markRead=false").await;
    assert_eq!(
        (unread().await, &unmarked.data()["conversation"]["unreadCount"]),
        (4, &json!(4))
    );
    let page = world.history(&ada(), id, "&markRead=false&limit=2").await;
    let older = page.data()["nextCursor"].as_str().expect("a cursor").to_owned();
    world
        .history(&ada(), id, &format!("&cursor={older}&limit=1"))
        .await;
    assert_eq!(unread().await, 4);
    world
        .history(&ada(), id, &format!("&cursor={older}&limit=1&markRead=true"))
        .await;
    assert_eq!(unread().await, 2);
    world.history(&ada(), id, "").await;
    assert_eq!(unread().await, 0);
}

#[tokio::test]
async fn an_admin_reads_without_marking() {
    let world = World::new();
    let id = conversation_of(&world, 2).await;
    let history = world.history(&root(), id, "&markRead=true").await;
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
    assert_eq!(world.total(&ada()).await, 2);
}

/// Sends with a key in the header, and perhaps in the body.
async fn send_with_key(
    world: &World,
    id: ConversationId,
    text: &str,
    header: &str,
    body: Option<&str>,
) -> Answer {
    let request = Request::post("/messages")
        .header(CONTENT_TYPE, "application/json")
        .header("Idempotency-Key", header);
    let body = json!({"conversationId": id, "content": text, "clientMessageId": body});
    world.ask(&carl(), request, body.to_string()).await
}

#[tokio::test]
async fn the_same_key_gives_the_same_message_wherever_it_stands() {
    let world = World::new();
    let id = world.open("alpine").await;
    let first = send_with_key(&world, id, "Hello", "k-1", None).await;
    assert_eq!(
        (first.status, &first.data()["clientMessageId"]),
        (201, &json!("k-1"))
    );
    for in_body in [None, Some("k-1")] {
        let again = send_with_key(&world, id, " Hello ", "k-1", in_body).await;
        assert_eq!((again.status, again.data()), (200, first.data()));
    }
    let in_body = json!({"conversationId": id, "content": "Hello", "clientMessageId": "k-1"});
    assert_eq!(world.post(&carl(), "/messages", in_body).await.status, 200);
    assert_eq!(world.history(&ada(), id, "").await.contents(), ["Hello"]);
}

#[tokio::test]
async fn a_retry_is_answered_although_the_conversation_was_closed_since() {
    let world = World::new();
    let id = world.open("alpine").await;
    let first = send_with_key(&world, id, "Hello", "k-1", None).await;
    world
        .put(&root(), &format!("/messages/admin/conversations/{id}/close"))
        .await;
    let again = send_with_key(&world, id, "Hello", "k-1", None).await;
    assert_eq!((again.status, again.data()), (200, first.data()));
    let other = send_with_key(&world, id, "Hello", "k-2", None).await;
    assert_eq!(other.refusal(), (403, "conversation_closed".to_owned()));
}

#[tokio::test]
async fn what_people_write_comes_back_as_they_wrote_it() {
    let world = World::new();
    let id = world.open("alpine").await;
    let longest = [
        "a".repeat(2000),
        "😀".repeat(2000),
        "ש".repeat(2000),
        format!("a{}", "\u{321}".repeat(1999)),
        "<script>alert('1')</script> &amp; \u{200f}مرحبا\u{200e}".to_owned(),
    ];
    for text in &longest {
        assert_eq!(world.say(&carl(), id, text).await["content"], json!(text));
    }
    let composed = world.say(&carl(), id, &"e\u{301}".repeat(2000)).await;
    assert_eq!(composed["content"], json!("é".repeat(2000)));
}
