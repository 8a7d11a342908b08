use messaging_core::store::{
    AuditStore,
    AuditedAction::{Close, List, ReadHistory, See},
};
use serde_json::{Value, json};

use crate::support::{TestApp, TestResponse, UNKNOWN_ID, ada, carl, root};

#[tokio::test]
async fn a_closed_conversation_accepts_no_message_until_it_is_reopened() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let path = format!("/messages/admin/conversations/{id}/close");
    let closed = app.put(&root(), &path).await;
    assert_eq!((closed.status, closed.text.as_str()), (204, ""));
    let body = json!({"conversationId": id, "content": "Hello"});
    for actor in [carl(), ada()] {
        let refused = app.post(&actor, "/messages", body.clone()).await;
        assert_eq!(refused.error(), (403, "conversation_closed".to_owned()));
    }
    assert_eq!(app.delete(&root(), &path).await.status, 204);
    assert_eq!(app.post(&carl(), "/messages", body).await.status, 201);
}

#[tokio::test]
async fn closing_is_for_admins_and_reveals_nothing_to_others() {
    let app = TestApp::new();
    let id = app.open("alpine").await.to_string();
    for id in [id.as_str(), UNKNOWN_ID] {
        let path = format!("/messages/admin/conversations/{id}/close");
        for actor in [carl(), ada()] {
            assert_eq!(
                app.put(&actor, &path).await.error(),
                (403, "forbidden".to_owned())
            );
            assert_eq!(
                app.delete(&actor, &path).await.error(),
                (403, "forbidden".to_owned())
            );
        }
    }
    let unknown = format!("/messages/admin/conversations/{UNKNOWN_ID}/close");
    assert_eq!(
        app.put(&root(), &unknown).await.error(),
        (404, "not_found".to_owned())
    );
}

#[tokio::test]
async fn accesses_and_actions_of_admins_are_in_the_audit_log() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let seen = app.get(&root(), &format!("/messages/conversations/{id}")).await;
    assert_eq!(seen.data()["side"], Value::Null);
    app.history(&root(), id, "").await;
    app.get(&root(), "/messages/conversations").await;
    app.put(&root(), &format!("/messages/admin/conversations/{id}/close"))
        .await;
    let log = app.store.list_accesses(None, 10).await.expect("the log");
    let actions: Vec<_> = log.iter().rev().map(|record| record.action).collect();
    assert_eq!(actions, [See, ReadHistory, List, Close]);
}

#[tokio::test]
async fn the_audit_log_is_paginated_and_records_its_own_reading() {
    const LOG: &str = "/messages/admin/audit";
    let app = TestApp::new();
    let id = app.open("alpine").await;
    app.get(&root(), &format!("/messages/conversations/{id}")).await;
    app.get(&root(), "/messages/conversations").await;
    for actor in [carl(), ada()] {
        assert_eq!(app.get(&actor, LOG).await.error(), (403, "forbidden".to_owned()));
    }
    let first = app.get(&root(), &format!("{LOG}?limit=2")).await;
    let second = first.meta()["nextCursor"].as_str().expect("a cursor").to_owned();
    let second = app.get(&root(), &format!("{LOG}?limit=2&cursor={second}")).await;
    let actions = |page: &TestResponse| {
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
        let refused = app.get(&root(), &format!("{LOG}?{query}")).await;
        assert_eq!(refused.error(), (400, code.to_owned()));
    }
}
