use std::collections::HashMap;

use async_trait::async_trait;
use insta::assert_snapshot;
use messaging_axum::HttpOptions;
use messaging_core::{UserId, host::HostError, host::presence::Presence};
use serde_json::{Value, json};

use crate::support::{Answer, World, ada, bob, carl, eve, root};

const PATH: &str = "/messages/conversations";

fn ids(list: &Answer) -> Vec<Value> {
    let list = list.data();
    let list = list.as_array().expect("a list").iter();
    list.map(|conversation| conversation["id"].clone()).collect()
}

#[tokio::test]
async fn opening_creates_the_conversation_once_and_then_finds_it() {
    let world = World::new();
    let body = json!({"agentId": "alpine", "bookingId": "b-1"});
    let created = world.post(&carl(), PATH, body.clone()).await;
    assert_snapshot!(created.shown());
    let found = world.post(&carl(), PATH, body).await;
    assert_eq!(found.status, 200);
    assert_eq!(found.data(), created.data());
}

#[tokio::test]
async fn a_null_booking_is_no_booking() {
    let world = World::new();
    let opened = world
        .post(&carl(), PATH, json!({"agentId": "alpine", "bookingId": null}))
        .await;
    assert_eq!((opened.status, &opened.data()["booking"]), (201, &Value::Null));
}

#[tokio::test]
async fn only_a_client_opens_and_not_with_themselves() {
    let world = World::new();
    for (actor, agent) in [(ada(), "bergsport"), (root(), "alpine"), (carl(), "carls-own")] {
        let refused = world.post(&actor, PATH, json!({ "agentId": agent })).await;
        assert_eq!(refused.refusal(), (403, "forbidden".to_owned()));
    }
}

#[tokio::test]
async fn opening_waits_for_a_directory_that_is_down() {
    let world = World::new();
    let refused = world.post(&carl(), PATH, json!({"agentId": "broken"})).await;
    assert_eq!(refused.refusal(), (503, "unavailable".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(!refused.text.contains("own words"));
}

#[tokio::test]
async fn a_list_shows_the_newest_activity_first() {
    let world = World::new();
    let alpine = world.open("alpine").await;
    world.open("bergsport").await;
    world.say(&carl(), alpine, "Is the hut open?").await;
    world.say(&ada(), alpine, "From June on.").await;
    assert_snapshot!(world.get(&carl(), PATH).await.shown());
}

#[tokio::test]
async fn everyone_sees_their_own_list() {
    let world = World::new();
    let alpine = json!(world.open("alpine").await);
    let bergsport = json!(world.open("bergsport").await);
    let eves = json!(world.open_as(&eve(), "alpine").await);
    for (actor, expected) in [
        (carl(), vec![&bergsport, &alpine]),
        (eve(), vec![&eves]),
        (ada(), vec![&eves, &alpine]),
        (bob(), vec![&bergsport]),
        (root(), vec![&eves, &bergsport, &alpine]),
    ] {
        let list = world.get(&actor, PATH).await;
        assert_eq!(ids(&list).iter().collect::<Vec<_>>(), expected, "{actor:?}");
    }
}

#[tokio::test]
async fn a_cursor_leads_through_the_list_without_gap_or_repetition() {
    let world = World::new();
    let mut expected = Vec::new();
    for n in 0..5 {
        let client = messaging_core::Actor::new(
            UserId::parse(format!("client-{n}")).expect("an id"),
            messaging_core::Role::Client,
        );
        expected.insert(0, json!(world.open_as(&client, "alpine").await));
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.get(&ada(), &format!("{PATH}?limit=2{cursor}")).await;
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
async fn the_classic_form_counts() {
    let world = World::new();
    let alpine = world.open("alpine").await;
    world.open("bergsport").await;
    let page = world.get(&carl(), &format!("{PATH}?page=2&limit=1")).await;
    assert_eq!(ids(&page), [json!(alpine)]);
    assert_snapshot!(format!("{:#}", page.meta()));
    let beyond = world.get(&carl(), &format!("{PATH}?page=3&limit=1")).await;
    assert_eq!(
        (ids(&beyond).len(), beyond.meta()["totalPages"].clone()),
        (0, json!(2))
    );
    let nobodys = world.get(&eve(), &format!("{PATH}?page=1")).await.meta();
    assert_eq!(
        (&nobodys["total"], &nobodys["totalPages"]),
        (&json!(0), &json!(0))
    );
}

struct Seen;

#[async_trait]
impl Presence for Seen {
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        let known = users.iter().filter(|user| user.as_str() == "ada");
        Ok(known.map(|user| (user.clone(), true)).collect())
    }
}

#[tokio::test]
async fn one_conversation_shows_all_its_bookings_and_who_is_there() {
    let world = World::with(HttpOptions::default(), |parts| parts.presence(Seen));
    let id = world.open("alpine").await;
    for booking in ["b-1", "b-2", "b-1"] {
        let linked = world
            .post(&carl(), PATH, json!({"agentId": "alpine", "bookingId": booking}))
            .await;
        assert_eq!(linked.status, 200);
    }
    assert_snapshot!(world.get(&ada(), &format!("{PATH}/{id}")).await.shown());
}

#[tokio::test]
async fn presence_that_nobody_knows_is_null() {
    let world = World::new();
    let id = world.open("alpine").await;
    let found = world.get(&carl(), &format!("{PATH}/{id}")).await;
    assert_eq!(found.data()["presence"], json!({"client": null, "agent": null}));
}

#[tokio::test]
async fn a_list_says_who_is_there_if_asked() {
    let world = World::with(HttpOptions::default(), |parts| parts.presence(Seen));
    for agent in ["alpine", "bergsport"] {
        world.open(agent).await;
    }
    let presence = |list: &Answer| {
        let list = list.data();
        let rows = list.as_array().expect("a list").iter();
        rows.map(|row| (row["agent"]["userId"].clone(), row.get("presence").cloned()))
            .collect::<Vec<_>>()
    };
    let asked = world.get(&carl(), &format!("{PATH}?presence=true")).await;
    let of = |agent: Option<bool>| Some(json!({"client": null, "agent": agent}));
    assert_eq!(
        presence(&asked),
        [(json!("bob"), of(None)), (json!("ada"), of(Some(true)))]
    );
    for not_asked in ["", "?presence=false"] {
        let list = world.get(&carl(), &format!("{PATH}{not_asked}")).await;
        assert!(
            presence(&list).iter().all(|(_, shown)| shown.is_none()),
            "{not_asked}"
        );
    }
    let numbered = world.get(&carl(), &format!("{PATH}?page=1&presence=true")).await;
    assert_eq!(presence(&numbered), presence(&asked));
}
