//! A store that fails: what the caller is told, and what not.

use std::time::Duration;

use axum::http::{Method, Request, header::CONTENT_TYPE};
use insta::assert_snapshot;
use messaging_core::store::StoreErrorKind;
use serde_json::json;

use crate::support::{Answer, Fault, World, carl, root};

/// One request to every route, each of which would succeed.
async fn ask_everything(world: &World, id: &str, message: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (method, path, body) in [
        (Method::GET, "/messages/conversations".to_owned(), None),
        (
            Method::POST,
            "/messages/conversations".to_owned(),
            Some(json!({"agentId": "alpine"})),
        ),
        (Method::GET, format!("/messages?conversationId={id}"), None),
        (
            Method::POST,
            "/messages".to_owned(),
            Some(json!({"conversationId": id, "content": "Hello"})),
        ),
        (Method::GET, "/messages/unread".to_owned(), None),
        (
            Method::POST,
            "/messages/read".to_owned(),
            Some(json!({"conversationId": id, "upTo": message})),
        ),
        (
            Method::POST,
            "/messages/typing".to_owned(),
            Some(json!({"conversationId": id, "typing": true})),
        ),
        (Method::GET, format!("/messages/conversations/{id}"), None),
        (Method::PUT, format!("/messages/conversations/{id}/block"), None),
        (
            Method::DELETE,
            format!("/messages/conversations/{id}/block"),
            None,
        ),
        (
            Method::POST,
            format!("/messages/conversations/{id}/reports"),
            Some(json!({"reason": "rude"})),
        ),
        (Method::GET, "/messages/admin/reports".to_owned(), None),
        (Method::GET, "/messages/admin/audit".to_owned(), None),
        (
            Method::PUT,
            format!("/messages/admin/conversations/{id}/close"),
            None,
        ),
        (
            Method::DELETE,
            format!("/messages/admin/conversations/{id}/close"),
            None,
        ),
    ] {
        let actor = if path.contains("admin") { root() } else { carl() };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/json")
            .header("x-request-id", "the-id");
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        answers.push(world.ask(&actor, request, body).await);
    }
    answers.push(
        world
            .subscribe(&carl(), &format!("private-conversation-{id}"))
            .await,
    );
    answers
}

async fn with_message() -> (World, String, String) {
    let world = World::new();
    let id = world.open("alpine").await;
    let message = world.say(&carl(), id, "one").await;
    (
        world,
        id.to_string(),
        message["id"].as_str().expect("an id").to_owned(),
    )
}

#[tokio::test]
async fn a_store_that_is_away_makes_every_route_unavailable() {
    for (millis, seconds) in [(0, "1"), (20, "1"), (1000, "1"), (2500, "3")] {
        let (world, id, message) = with_message().await;
        let before = world.contents().await;
        let retry_after = Duration::from_millis(millis);
        world
            .store
            .fail(Fault::All(StoreErrorKind::Unavailable { retry_after }));
        for answer in ask_everything(&world, &id, &message).await {
            assert_eq!(answer.refusal(), (503, "unavailable".to_owned()));
            assert_eq!(answer.header("retry-after"), Some(seconds));
            assert!(!answer.text.contains("own words"), "{answer:?}");
        }
        assert_eq!(world.contents().await, before);
    }
}

#[tokio::test]
async fn a_write_of_unknown_outcome_is_to_be_repeated() {
    let (world, id, message) = with_message().await;
    world.store.fail(Fault::Writes(StoreErrorKind::OutcomeUnknown));
    for (path, body) in [
        (
            "/messages",
            json!({"conversationId": id, "content": "Hello", "clientMessageId": "k-1"}),
        ),
        ("/messages/conversations", json!({"agentId": "alpine"})),
    ] {
        let answer = world.post(&carl(), path, body.clone()).await;
        assert_eq!(answer.refusal(), (503, "outcome_unknown".to_owned()));
        assert_eq!(answer.header("retry-after"), Some("1"));
        world.store.mend();
        assert!([200, 201].contains(&world.post(&carl(), path, body).await.status));
        world.store.fail(Fault::Writes(StoreErrorKind::OutcomeUnknown));
    }
    let read = json!({"conversationId": id, "upTo": message});
    let read = world.post(&crate::support::ada(), "/messages/read", read).await;
    assert_snapshot!(read.shown());
}

#[tokio::test]
async fn a_store_that_takes_no_writes_still_lets_people_read() {
    let (world, id, _) = with_message().await;
    world.store.fail(Fault::Writes(StoreErrorKind::ReadOnly));
    assert_eq!(world.get(&carl(), "/messages/conversations").await.status, 200);
    let send = json!({"conversationId": id, "content": "Hello"});
    assert_eq!(
        world.post(&carl(), "/messages", send).await.refusal(),
        (503, "unavailable".to_owned())
    );
}

#[tokio::test]
async fn an_admin_sees_nothing_that_the_log_does_not_take() {
    let (world, id, _) = with_message().await;
    world.store.fail(Fault::Writes(StoreErrorKind::ReadOnly));
    for path in [
        "/messages/conversations".to_owned(),
        format!("/messages/conversations/{id}"),
        format!("/messages?conversationId={id}"),
        "/messages/admin/reports".to_owned(),
        "/messages/admin/audit".to_owned(),
    ] {
        assert_eq!(
            world.get(&root(), &path).await.refusal(),
            (503, "unavailable".to_owned())
        );
    }
}

#[tokio::test]
async fn a_defect_is_answered_with_an_id_to_report_it_by() {
    for fault in [
        Fault::All(StoreErrorKind::Internal),
        Fault::All(StoreErrorKind::Corrupt),
        Fault::Panic,
    ] {
        let (world, id, message) = with_message().await;
        world.store.fail(fault);
        for answer in ask_everything(&world, &id, &message).await {
            assert_eq!(answer.refusal(), (500, "internal".to_owned()));
            let id = answer.header("x-request-id").expect("an id");
            let sentence = answer.json()["error"].as_str().expect("a sentence").to_owned();
            assert!(sentence.ends_with(id), "{sentence}");
            assert!(!answer.text.contains("own words"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_defect_has_an_envelope_too() {
    let (world, id, message) = with_message().await;
    world.store.fail(Fault::Panic);
    assert_snapshot!(ask_everything(&world, &id, &message).await[0].shown());
}
