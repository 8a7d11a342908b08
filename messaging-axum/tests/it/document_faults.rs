//! The faults that the requirements' own code shows, none of which we have.

use std::time::Duration;

use messaging_core::Timestamp;
use serde_json::{Value, json};

use crate::support::{World, ada, all, bob, carl, eve, root};

/// The contents of every page, walking back from the newest.
async fn pages(world: &World, id: messaging_core::ConversationId, limit: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world
            .history(&carl(), id, &format!("&limit={limit}{cursor}"))
            .await;
        pages.push(page.contents());
        match page.data()["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn the_next_cursor_points_at_the_oldest_so_pages_do_not_overlap() {
    let world = World::new();
    let id = world.open("alpine").await;
    for n in 1..=6 {
        world.say(&carl(), id, &n.to_string()).await;
    }
    assert_eq!(
        pages(&world, id, 4).await,
        [vec!["3", "4", "5", "6"], vec!["1", "2"]]
    );
}

#[tokio::test]
async fn a_last_page_that_is_exactly_full_has_no_more() {
    let world = World::new();
    let id = world.open("alpine").await;
    for n in 1..=4 {
        world.say(&carl(), id, &n.to_string()).await;
    }
    assert_eq!(pages(&world, id, 2).await, [vec!["3", "4"], vec!["1", "2"]]);
    let whole = world.history(&carl(), id, "&limit=4").await.data();
    assert_eq!(
        (&whole["hasMore"], &whole["nextCursor"]),
        (&json!(false), &Value::Null)
    );
    let list = world.get(&carl(), "/messages/conversations?limit=1").await.meta();
    assert_eq!(
        (&list["hasMore"], &list["nextCursor"]),
        (&json!(false), &Value::Null)
    );
}

#[tokio::test]
async fn messages_of_one_millisecond_are_not_lost_between_pages() {
    let world = World::new();
    let id = world.open("alpine").await;
    let moment = Timestamp::from_millis(1_800_000_000_000);
    for n in 1..=5 {
        world.clock.set(moment - Duration::from_secs(1));
        let sent = world.say(&carl(), id, &n.to_string()).await;
        assert_eq!(sent["createdAt"], json!(moment));
    }
    assert_eq!(
        pages(&world, id, 2).await,
        [vec!["4", "5"], vec!["2", "3"], vec!["1"]]
    );
}

#[tokio::test]
async fn conversations_of_one_millisecond_are_not_lost_between_pages() {
    let world = World::new();
    let moment = Timestamp::from_millis(1_800_000_000_000);
    for (client, agent) in [(carl(), "alpine"), (carl(), "bergsport"), (eve(), "alpine")] {
        world.clock.set(moment - Duration::from_secs(1));
        world.open_as(&client, agent).await;
    }
    let first = world.get(&root(), "/messages/conversations?limit=2").await;
    let next = first.meta()["nextCursor"].as_str().expect("a cursor").to_owned();
    let second = world
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
async fn a_limit_that_makes_no_sense_is_refused() {
    let world = World::new();
    let id = world.open("alpine").await;
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
        let history = world.history(&carl(), id, &format!("&limit={limit}")).await;
        let list = world
            .get(&carl(), &format!("/messages/conversations?limit={limit}"))
            .await;
        for answer in [history, list] {
            assert_eq!(answer.refusal(), (400, "validation_failed".to_owned()), "{limit}");
            assert_eq!(answer.json()["details"][0]["field"], "limit");
        }
    }
}

#[tokio::test]
async fn reading_an_old_page_leaves_newer_messages_unread() {
    let world = World::new();
    let id = world.open("alpine").await;
    for n in 1..=4 {
        world.say(&ada(), id, &n.to_string()).await;
    }
    let newest = world.history(&carl(), id, "&limit=2&markRead=false").await;
    let older = newest.data()["nextCursor"].as_str().expect("a cursor").to_owned();
    let old = world
        .history(&carl(), id, &format!("&limit=2&cursor={older}&markRead=true"))
        .await;
    assert_eq!(old.contents(), ["1", "2"]);
    assert_eq!(
        (
            &old.data()["conversation"]["unreadCount"],
            world.total(&carl()).await
        ),
        (&json!(2), 2)
    );
}

#[tokio::test]
async fn a_receipt_covers_messages_that_are_not_on_the_page() {
    let world = World::new();
    let id = world.open("alpine").await;
    let mut sent = Vec::new();
    for n in 1..=4 {
        sent.push(world.say(&ada(), id, &n.to_string()).await["id"].clone());
    }
    world.published().await;
    world.history(&carl(), id, "&limit=2").await;
    assert_eq!(world.total(&carl()).await, 0);
    let events = world.published().await;
    let (_, _, read) = events
        .iter()
        .find(|(_, name, _)| *name == "message-read")
        .expect("a receipt");
    assert_eq!((&read["upToSeq"], &read["messageIds"]), (&json!(4), &json!(sent)));
    let seen = world.history(&ada(), id, "").await.data();
    let unread = seen["messages"].as_array().expect("a list").iter();
    assert_eq!(unread.filter(|message| message["readAt"].is_null()).count(), 0);
}

#[tokio::test]
async fn ten_simultaneous_opens_are_one_conversation() {
    let world = World::new();
    let carl = carl();
    let open = || {
        world.post(
            &carl,
            "/messages/conversations",
            json!({"agentId": "alpine", "bookingId": "b-1"}),
        )
    };
    let answers = all((0..10).map(|_| open())).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(created, 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer.data()["id"] == answers[0].data()["id"])
    );
    let list = world.get(&carl, "/messages/conversations?page=1").await;
    assert_eq!(list.meta()["total"], 1);
}

#[tokio::test]
async fn someone_elses_booking_is_refused_and_its_number_not_shown() {
    let world = World::new();
    world.open("alpine").await;
    let before = world.contents().await;
    let mut answers = Vec::new();
    for booking in ["b-eve", "b-bob", "b-none"] {
        let body = json!({"agentId": "alpine", "bookingId": booking});
        answers.push(
            world
                .post(&carl(), "/messages/conversations", body)
                .await
                .anonymous(),
        );
    }
    assert_eq!(answers[0].refusal(), (400, "unknown_booking".to_owned()));
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let list = world.get(&carl(), "/messages/conversations").await;
    assert!(!list.text.contains("NUMBER-OF"));
    assert_eq!(world.contents().await, before);
}

#[tokio::test]
async fn an_unknown_agent_is_a_mistake_and_not_a_crash() {
    let world = World::new();
    let before = world.contents().await;
    let refused = world
        .post(&carl(), "/messages/conversations", json!({"agentId": "nobody"}))
        .await;
    assert_eq!(refused.refusal(), (400, "unknown_agent".to_owned()));
    assert_eq!(world.contents().await, before);
}

#[tokio::test]
async fn a_transport_that_fails_after_the_commit_does_not_undo_the_send() {
    let world = World::new();
    let id = world.open("alpine").await;
    world.transport.break_down();
    let _attending = world.workers.relay().attend();
    world.say(&carl(), id, "Hello").await;
    assert!(world.published().await.is_empty());
    assert_eq!(
        world.history(&ada(), id, "&markRead=false").await.contents(),
        ["Hello"]
    );
}

#[tokio::test]
async fn a_history_is_read_although_its_receipt_cannot_be_published() {
    let world = World::new();
    let id = world.open("alpine").await;
    world.say(&carl(), id, "Hello").await;
    world.transport.break_down();
    let _attending = world.workers.relay().attend();
    let history = world.history(&ada(), id, "").await;
    assert_eq!(
        (history.status, history.contents()),
        (200, vec!["Hello".to_owned()])
    );
    assert!(world.published().await.is_empty());
    assert_eq!(world.total(&ada()).await, 0);
}

#[tokio::test]
async fn an_admin_can_read_every_history() {
    let world = World::new();
    for (client, agent, user) in [
        (carl(), "alpine", ada()),
        (carl(), "bergsport", bob()),
        (eve(), "alpine", ada()),
    ] {
        let id = world.open_as(&client, agent).await;
        world.say(&user, id, "Hello").await;
        assert_eq!(world.history(&root(), id, "").await.contents(), ["Hello"]);
    }
}

#[tokio::test]
async fn the_hooks_own_calls_work_unmodified() {
    let world = World::new();
    let id = world.open("alpine").await;
    world.say(&ada(), id, "Welcome").await;
    let fetched = world
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
    world.say(&carl(), id, "Thanks").await;
    world.published().await;
    let list = world
        .get(&carl(), "/messages/conversations?page=1&limit=20")
        .await;
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
