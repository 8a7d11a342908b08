//! Faults of the reference code in the requirements, which this implementation must not have.

use std::time::Duration;

use messaging_core::Timestamp;
use serde_json::{Value, json};

use crate::support::{TestApp, ada, all, bob, carl, eve, root};

/// The contents of every page, from the newest to the oldest.
async fn pages(app: &TestApp, id: messaging_core::ConversationId, limit: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.history(&carl(), id, &format!("&limit={limit}{cursor}")).await;
        pages.push(page.contents());
        match page.data()["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn pages_do_not_overlap() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    for n in 1..=6 {
        app.send_text(&carl(), id, &n.to_string()).await;
    }
    assert_eq!(
        pages(&app, id, 4).await,
        [vec!["3", "4", "5", "6"], vec!["1", "2"]]
    );
}

#[tokio::test]
async fn a_full_last_page_has_no_next_page() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    for n in 1..=4 {
        app.send_text(&carl(), id, &n.to_string()).await;
    }
    assert_eq!(pages(&app, id, 2).await, [vec!["3", "4"], vec!["1", "2"]]);
    let whole = app.history(&carl(), id, "&limit=4").await.data();
    assert_eq!(
        (&whole["hasMore"], &whole["nextCursor"]),
        (&json!(false), &Value::Null)
    );
    let list = app.get(&carl(), "/messages/conversations?limit=1").await.meta();
    assert_eq!(
        (&list["hasMore"], &list["nextCursor"]),
        (&json!(false), &Value::Null)
    );
}

#[tokio::test]
async fn messages_of_the_same_millisecond_are_not_lost_between_pages() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let moment = Timestamp::from_millis(1_800_000_000_000);
    for n in 1..=5 {
        app.clock.set(moment - Duration::from_secs(1));
        let sent = app.send_text(&carl(), id, &n.to_string()).await;
        assert_eq!(sent["createdAt"], json!(moment));
    }
    assert_eq!(
        pages(&app, id, 2).await,
        [vec!["4", "5"], vec!["2", "3"], vec!["1"]]
    );
}

#[tokio::test]
async fn conversations_of_the_same_millisecond_are_not_lost_between_pages() {
    let app = TestApp::new();
    let moment = Timestamp::from_millis(1_800_000_000_000);
    for (client, agent) in [(carl(), "alpine"), (carl(), "bergsport"), (eve(), "alpine")] {
        app.clock.set(moment - Duration::from_secs(1));
        app.open_as(&client, agent).await;
    }
    let first = app.get(&root(), "/messages/conversations?limit=2").await;
    let next = first.meta()["nextCursor"].as_str().expect("a cursor").to_owned();
    let second = app
        .get(&root(), &format!("/messages/conversations?limit=2&cursor={next}"))
        .await;
    let mut ids: Vec<_> = [first, second]
        .iter()
        .flat_map(|page| page.data().as_array().cloned().expect("a list"))
        .map(|conversation| conversation["id"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn an_invalid_limit_is_refused() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    for limit in [
        "0",
        "-1",
        "101",
        "100000000000000000000",
        "NaN",
        "Infinity",
        "1e1",
        "0x10",
        "%2B5",
        " 5",
    ] {
        let limit = limit.replace(' ', "%20");
        let history = app.history(&carl(), id, &format!("&limit={limit}")).await;
        let list = app
            .get(&carl(), &format!("/messages/conversations?limit={limit}"))
            .await;
        for response in [history, list] {
            assert_eq!(response.error(), (400, "validation_failed".to_owned()), "{limit}");
            assert_eq!(response.json()["details"][0]["field"], "limit");
        }
    }
}

#[tokio::test]
async fn reading_an_older_page_leaves_newer_messages_unread() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    for n in 1..=4 {
        app.send_text(&ada(), id, &n.to_string()).await;
    }
    let newest = app.history(&carl(), id, "&limit=2&markRead=false").await;
    let older = newest.data()["nextCursor"].as_str().expect("a cursor").to_owned();
    let old = app
        .history(&carl(), id, &format!("&limit=2&cursor={older}&markRead=true"))
        .await;
    assert_eq!(old.contents(), ["1", "2"]);
    assert_eq!(
        (
            &old.data()["conversation"]["unreadCount"],
            app.unread_total(&carl()).await
        ),
        (&json!(2), 2)
    );
}

#[tokio::test]
async fn a_receipt_covers_messages_outside_the_page() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let mut sent = Vec::new();
    for n in 1..=4 {
        sent.push(app.send_text(&ada(), id, &n.to_string()).await["id"].clone());
    }
    app.publish_events().await;
    app.history(&carl(), id, "&limit=2").await;
    assert_eq!(app.unread_total(&carl()).await, 0);
    let events = app.publish_events().await;
    let (_, _, read) = events
        .iter()
        .find(|(_, name, _)| *name == "message-read")
        .expect("a receipt");
    assert_eq!((&read["upToSeq"], &read["messageIds"]), (&json!(4), &json!(sent)));
    let seen = app.history(&ada(), id, "").await.data();
    let unread = seen["messages"].as_array().expect("a list").iter();
    assert_eq!(unread.filter(|message| message["readAt"].is_null()).count(), 0);
}

#[tokio::test]
async fn ten_concurrent_opens_create_one_conversation() {
    let app = TestApp::new();
    let carl = carl();
    let open = || {
        app.post(
            &carl,
            "/messages/conversations",
            json!({"agentId": "alpine", "bookingId": "b-1"}),
        )
    };
    let responses = all((0..10).map(|_| open())).await;
    let created = responses.iter().filter(|response| response.status == 201).count();
    assert_eq!(created, 1);
    assert!(
        responses
            .iter()
            .all(|response| response.data()["id"] == responses[0].data()["id"])
    );
    let list = app.get(&carl, "/messages/conversations?page=1").await;
    assert_eq!(list.meta()["total"], 1);
}

#[tokio::test]
async fn another_clients_booking_is_refused_without_revealing_its_number() {
    let app = TestApp::new();
    app.open("alpine").await;
    let before = app.contents().await;
    let mut responses = Vec::new();
    for booking in ["b-eve", "b-bob", "b-none"] {
        let body = json!({"agentId": "alpine", "bookingId": booking});
        responses.push(
            app.post(&carl(), "/messages/conversations", body)
                .await
                .without_request_id(),
        );
    }
    assert_eq!(responses[0].error(), (400, "unknown_booking".to_owned()));
    assert!(responses.iter().all(|response| *response == responses[0]));
    let list = app.get(&carl(), "/messages/conversations").await;
    assert!(!list.text.contains("NUMBER-OF"));
    assert_eq!(app.contents().await, before);
}

#[tokio::test]
async fn an_unknown_agent_is_a_client_error() {
    let app = TestApp::new();
    let before = app.contents().await;
    let refused = app
        .post(&carl(), "/messages/conversations", json!({"agentId": "unknown"}))
        .await;
    assert_eq!(refused.error(), (400, "unknown_agent".to_owned()));
    assert_eq!(app.contents().await, before);
}

#[tokio::test]
async fn a_transport_failure_after_the_commit_does_not_undo_the_send() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    app.transport.go_down();
    let _worker = app.workers.relay().activate_worker();
    app.send_text(&carl(), id, "Hello").await;
    assert!(app.publish_events().await.is_empty());
    assert_eq!(
        app.history(&ada(), id, "&markRead=false").await.contents(),
        ["Hello"]
    );
}

#[tokio::test]
async fn a_history_is_returned_even_if_its_receipt_cannot_be_published() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    app.send_text(&carl(), id, "Hello").await;
    app.transport.go_down();
    let _worker = app.workers.relay().activate_worker();
    let history = app.history(&ada(), id, "").await;
    assert_eq!(
        (history.status, history.contents()),
        (200, vec!["Hello".to_owned()])
    );
    assert!(app.publish_events().await.is_empty());
    assert_eq!(app.unread_total(&ada()).await, 0);
}

#[tokio::test]
async fn an_admin_can_read_every_history() {
    let app = TestApp::new();
    for (client, agent, user) in [
        (carl(), "alpine", ada()),
        (carl(), "bergsport", bob()),
        (eve(), "alpine", ada()),
    ] {
        let id = app.open_as(&client, agent).await;
        app.send_text(&user, id, "Hello").await;
        assert_eq!(app.history(&root(), id, "").await.contents(), ["Hello"]);
    }
}

#[tokio::test]
async fn calls_of_the_reference_hook_work_unmodified() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    app.send_text(&ada(), id, "Welcome").await;
    let fetched = app
        .get(&carl(), &format!("/messages?conversationId={id}"))
        .await
        .json();
    assert_eq!(fetched["success"], true);
    let message = fetched["data"]["messages"][0]
        .as_object()
        .expect("a message")
        .clone();
    for field in ["id", "content", "senderId", "createdAt", "readAt", "sender"] {
        assert!(message.contains_key(field), "{field}");
    }
    for field in ["id", "name", "image"] {
        assert!(message["sender"].get(field).is_some(), "{field}");
    }
    app.send_text(&carl(), id, "Thanks").await;
    app.publish_events().await;
    let list = app.get(&carl(), "/messages/conversations?page=1&limit=20").await;
    let conversation = &list.data()[0];
    assert_eq!(
        (
            &conversation["lastMessage"]["content"],
            &conversation["unreadCount"]
        ),
        (&json!("Thanks"), &json!(0))
    );
    let meta = list.meta();
    assert_eq!(
        (&meta["page"], &meta["limit"], &meta["total"], &meta["totalPages"]),
        (&json!(1), &json!(20), &json!(1), &json!(1))
    );
}
