use std::time::Duration;

use messaging_core::store::{AuditStore, AuditedAction};
use serde_json::{Value, json};

use crate::support::{Case, World, ada, bob, carl, check, root};

const PATH: &str = "/messages/admin/activity";

#[tokio::test]
async fn what_went_on_is_counted_by_the_hour() {
    let world = World::new();
    let id = world.open("alpine").await;
    let asked = world.say(&carl(), id, "Is there snow?").await;
    world.clock.advance(Duration::from_hours(1));
    world
        .post(
            &ada(),
            "/messages/read",
            json!({"conversationId": id, "upTo": asked["id"]}),
        )
        .await;
    world.say(&ada(), id, "Yes").await;
    let query = "from=2026-01-01T00:00:00Z&to=2026-01-01T02:00:00Z&bucket=hour";
    let counted = world.get(&root(), &format!("{PATH}?{query}")).await;
    insta::assert_snapshot!(counted.shown());
    let of_another = world
        .get(&root(), &format!("{PATH}?{query}&agentId=bergsport"))
        .await;
    assert!(
        of_another
            .data()
            .as_array()
            .expect("a list")
            .iter()
            .all(|it| it["messages"] == 0)
    );
    let log = world.store.list_accesses(None, 1).await.expect("the log");
    assert_eq!(log[0].action, AuditedAction::ReadActivity);
}

#[tokio::test]
async fn days_are_those_of_the_time_zone() {
    let world = World::new();
    let query = "from=2026-03-28T12:00:00%2B01:00&to=2026-03-29T12:00:00%2B02:00&bucket=day&tz=Europe/Zurich";
    let counted = world.get(&root(), &format!("{PATH}?{query}")).await;
    let days: Vec<_> = counted
        .data()
        .as_array()
        .expect("a list")
        .iter()
        .map(|day| (day["from"].clone(), day["to"].clone()))
        .collect();
    let at = |text: &str| Value::from(text);
    assert_eq!(
        days,
        [
            (at("2026-03-27T23:00:00.000Z"), at("2026-03-28T23:00:00.000Z")),
            (at("2026-03-28T23:00:00.000Z"), at("2026-03-29T22:00:00.000Z")),
        ]
    );
    assert_eq!(counted.meta(), json!({"bucket": "day", "tz": "Europe/Zurich"}));
}

#[tokio::test]
async fn what_is_refused() {
    let world = World::new();
    let span = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z";
    let ask = |name, query: &str, expected| Case::get(name, format!("{PATH}?{query}"), expected).by(root());
    let (invalid, forbidden) = ((400, "validation_failed"), (403, "forbidden"));
    let mut cases = vec![
        ask("nothing", "", invalid),
        ask("no times", "from=yesterday&to=2026-01-01&bucket=hour", invalid),
        ask(
            "a bucket of another length",
            &format!("{span}&bucket=week"),
            invalid,
        ),
        ask("no time zone", &format!("{span}&bucket=day&tz=Zurich"), invalid),
        ask("no agent", &format!("{span}&bucket=day&agentId=a%20b"), invalid),
        ask(
            "a span that ends before it begins",
            "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z&bucket=day",
            invalid,
        ),
        ask(
            "too many hours",
            "from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z&bucket=hour",
            invalid,
        ),
        ask("nobody", &format!("{span}&bucket=day"), (401, "unauthenticated")).by_nobody(),
    ];
    for actor in [carl(), ada(), bob()] {
        cases.push(ask("no admin", &format!("{span}&bucket=day"), forbidden).by(actor));
    }
    insta::assert_snapshot!(check(&world, cases).await);
}
