use messaging_core::store::{
    AuditStore,
    AuditedAction::{Close, List, ReadHistory, See},
};
use serde_json::{Value, json};

use crate::support::{Answer, NOWHERE, World, ada, carl, root};

#[tokio::test]
async fn a_closed_conversation_takes_no_message_until_it_is_reopened() {
    let world = World::new();
    let id = world.open("alpine").await;
    let path = format!("/messages/admin/conversations/{id}/close");
    let closed = world.put(&root(), &path).await;
    assert_eq!((closed.status, closed.text.as_str()), (204, ""));
    let body = json!({"conversationId": id, "content": "Hello"});
    for actor in [carl(), ada()] {
        let refused = world.post(&actor, "/messages", body.clone()).await;
        assert_eq!(refused.refusal(), (403, "conversation_closed".to_owned()));
    }
    assert_eq!(world.delete(&root(), &path).await.status, 204);
    assert_eq!(world.post(&carl(), "/messages", body).await.status, 201);
}

#[tokio::test]
async fn closing_is_for_admins_and_says_to_others_nothing_about_what_exists() {
    let world = World::new();
    let id = world.open("alpine").await.to_string();
    for id in [id.as_str(), NOWHERE] {
        let path = format!("/messages/admin/conversations/{id}/close");
        for actor in [carl(), ada()] {
            assert_eq!(
                world.put(&actor, &path).await.refusal(),
                (403, "forbidden".to_owned())
            );
            assert_eq!(
                world.delete(&actor, &path).await.refusal(),
                (403, "forbidden".to_owned())
            );
        }
    }
    let nowhere = format!("/messages/admin/conversations/{NOWHERE}/close");
    assert_eq!(
        world.put(&root(), &nowhere).await.refusal(),
        (404, "not_found".to_owned())
    );
}

#[tokio::test]
async fn what_an_admin_looks_at_and_does_is_in_the_log() {
    let world = World::new();
    let id = world.open("alpine").await;
    let seen = world.get(&root(), &format!("/messages/conversations/{id}")).await;
    assert_eq!(seen.data()["side"], Value::Null);
    world.history(&root(), id, "").await;
    world.get(&root(), "/messages/conversations").await;
    world
        .put(&root(), &format!("/messages/admin/conversations/{id}/close"))
        .await;
    let log = world.store.list_accesses(None, 10).await.expect("the log");
    let actions: Vec<_> = log.iter().rev().map(|record| record.action).collect();
    assert_eq!(actions, [See, ReadHistory, List, Close]);
}

#[tokio::test]
async fn the_log_is_read_page_by_page_by_admins_and_says_that_it_was() {
    const LOG: &str = "/messages/admin/audit";
    let world = World::new();
    let id = world.open("alpine").await;
    world.get(&root(), &format!("/messages/conversations/{id}")).await;
    world.get(&root(), "/messages/conversations").await;
    for actor in [carl(), ada()] {
        assert_eq!(
            world.get(&actor, LOG).await.refusal(),
            (403, "forbidden".to_owned())
        );
    }
    let first = world.get(&root(), &format!("{LOG}?limit=2")).await;
    let second = first.meta()["nextCursor"].as_str().expect("a cursor").to_owned();
    let second = world
        .get(&root(), &format!("{LOG}?limit=2&cursor={second}"))
        .await;
    let actions = |page: &Answer| {
        page.data()
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| it["action"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(actions(&first), ["read_audit", "list"]);
    assert_eq!(actions(&second), ["see"]);
    assert_eq!(
        second.meta(),
        json!({"limit": 2, "hasMore": false, "nextCursor": null})
    );
    let seen = &second.data()[0];
    assert_eq!(
        (&seen["actor"]["id"], &seen["conversationId"]),
        (&json!("root"), &json!(id))
    );
    for (query, code) in [("limit=0", "validation_failed"), ("cursor=!", "invalid_cursor")] {
        let refused = world.get(&root(), &format!("{LOG}?{query}")).await;
        assert_eq!(refused.refusal(), (400, code.to_owned()));
    }
}
