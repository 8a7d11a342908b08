use std::collections::HashMap;

use async_trait::async_trait;
use insta::assert_snapshot;
use messaging_axum::HttpOptions;
use messaging_core::{UserId, host::HostError, host::presence::Presence};
use serde_json::{Value, json};

use crate::support::{TestApp, TestResponse, ada, bob, carl, eve, root};

const PATH: &str = "/messages/conversations";

fn ids(list: &TestResponse) -> Vec<Value> {
    let list = list.data();
    let list = list.as_array().expect("a list").iter();
    list.map(|conversation| conversation["id"].clone()).collect()
}

#[tokio::test]
async fn opening_creates_the_conversation_once() {
    let app = TestApp::new();
    let body = json!({"agentId": "alpine", "bookingId": "b-1"});
    let created = app.post(&carl(), PATH, body.clone()).await;
    assert_snapshot!(created.to_snapshot());
    let found = app.post(&carl(), PATH, body).await;
    assert_eq!(found.status, 200);
    assert_eq!(found.data(), created.data());
}

#[tokio::test]
async fn a_null_booking_is_treated_as_absent() {
    let app = TestApp::new();
    let opened = app
        .post(&carl(), PATH, json!({"agentId": "alpine", "bookingId": null}))
        .await;
    assert_eq!((opened.status, &opened.data()["booking"]), (201, &Value::Null));
}

#[tokio::test]
async fn only_clients_open_conversations_and_not_with_themselves() {
    let app = TestApp::new();
    for (actor, agent) in [(ada(), "bergsport"), (root(), "alpine"), (carl(), "carls-own")] {
        let refused = app.post(&actor, PATH, json!({ "agentId": agent })).await;
        assert_eq!(refused.error(), (403, "forbidden".to_owned()));
    }
}

#[tokio::test]
async fn opening_is_unavailable_while_the_directory_is_down() {
    let app = TestApp::new();
    let refused = app.post(&carl(), PATH, json!({"agentId": "broken"})).await;
    assert_eq!(refused.error(), (503, "unavailable".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(!refused.text.contains("internal text"));
}

#[tokio::test]
async fn a_list_is_sorted_by_newest_activity() {
    let app = TestApp::new();
    let alpine = app.open("alpine").await;
    app.open("bergsport").await;
    app.send_text(&carl(), alpine, "Is the hut open?").await;
    app.send_text(&ada(), alpine, "From June on.").await;
    assert_snapshot!(app.get(&carl(), PATH).await.to_snapshot());
}

#[tokio::test]
async fn each_caller_sees_their_own_list() {
    let app = TestApp::new();
    let alpine = json!(app.open("alpine").await);
    let bergsport = json!(app.open("bergsport").await);
    let eves_conversation = json!(app.open_as(&eve(), "alpine").await);
    for (actor, expected) in [
        (carl(), vec![&bergsport, &alpine]),
        (eve(), vec![&eves_conversation]),
        (ada(), vec![&eves_conversation, &alpine]),
        (bob(), vec![&bergsport]),
        (root(), vec![&eves_conversation, &bergsport, &alpine]),
    ] {
        let list = app.get(&actor, PATH).await;
        assert_eq!(ids(&list).iter().collect::<Vec<_>>(), expected, "{actor:?}");
    }
}

#[tokio::test]
async fn cursors_visit_every_conversation_once() {
    let app = TestApp::new();
    let mut expected = Vec::new();
    for n in 0..5 {
        let client = messaging_core::Actor::new(
            UserId::parse(format!("client-{n}")).expect("an id"),
            messaging_core::Role::Client,
        );
        expected.insert(0, json!(app.open_as(&client, "alpine").await));
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(&ada(), &format!("{PATH}?limit=2{cursor}")).await;
        seen.extend(ids(&page));
        let meta = page.meta();
        assert_eq!(meta["limit"], 2);
        assert_eq!(meta["hasMore"], meta["nextCursor"].is_string());
        match meta["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn numbered_pages_have_totals() {
    let app = TestApp::new();
    let alpine = app.open("alpine").await;
    app.open("bergsport").await;
    let page = app.get(&carl(), &format!("{PATH}?page=2&limit=1")).await;
    assert_eq!(ids(&page), [json!(alpine)]);
    assert_snapshot!(format!("{:#}", page.meta()));
    let beyond = app.get(&carl(), &format!("{PATH}?page=3&limit=1")).await;
    assert_eq!(
        (ids(&beyond).len(), beyond.meta()["totalPages"].clone()),
        (0, json!(2))
    );
    let empty = app.get(&eve(), &format!("{PATH}?page=1")).await.meta();
    assert_eq!((&empty["total"], &empty["totalPages"]), (&json!(0), &json!(0)));
}

struct AdaOnline;

#[async_trait]
impl Presence for AdaOnline {
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        let known = users.iter().filter(|user| user.as_str() == "ada");
        Ok(known.map(|user| (user.clone(), true)).collect())
    }
}

#[tokio::test]
async fn a_conversation_has_all_its_bookings_and_presence() {
    let app = TestApp::with(HttpOptions::default(), |parts| parts.presence(AdaOnline));
    let id = app.open("alpine").await;
    for booking in ["b-1", "b-2", "b-1"] {
        let linked = app
            .post(&carl(), PATH, json!({"agentId": "alpine", "bookingId": booking}))
            .await;
        assert_eq!(linked.status, 200);
    }
    assert_snapshot!(app.get(&ada(), &format!("{PATH}/{id}")).await.to_snapshot());
}

#[tokio::test]
async fn unknown_presence_is_null() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let found = app.get(&carl(), &format!("{PATH}/{id}")).await;
    assert_eq!(found.data()["presence"], json!({"client": null, "agent": null}));
}

#[tokio::test]
async fn a_list_includes_presence_on_request() {
    let app = TestApp::with(HttpOptions::default(), |parts| parts.presence(AdaOnline));
    for agent in ["alpine", "bergsport"] {
        app.open(agent).await;
    }
    let presence = |list: &TestResponse| {
        let list = list.data();
        let rows = list.as_array().expect("a list").iter();
        rows.map(|row| (row["agent"]["userId"].clone(), row.get("presence").cloned()))
            .collect::<Vec<_>>()
    };
    let with_presence = app.get(&carl(), &format!("{PATH}?presence=true")).await;
    let of = |agent: Option<bool>| Some(json!({"client": null, "agent": agent}));
    assert_eq!(
        presence(&with_presence),
        [(json!("bob"), of(None)), (json!("ada"), of(Some(true)))]
    );
    for query in ["", "?presence=false"] {
        let list = app.get(&carl(), &format!("{PATH}{query}")).await;
        assert!(
            presence(&list).iter().all(|(_, shown)| shown.is_none()),
            "{query}"
        );
    }
    let numbered = app.get(&carl(), &format!("{PATH}?page=1&presence=true")).await;
    assert_eq!(presence(&numbered), presence(&with_presence));
}
