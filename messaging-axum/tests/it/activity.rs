use std::time::Duration;

use messaging_core::store::{AuditStore, AuditedAction};
use serde_json::{Value, json};

use crate::support::{Case, TestApp, ada, bob, carl, check, root};

const PATH: &str = "/messages/admin/activity";

#[tokio::test]
async fn activity_is_counted_by_the_hour() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let question = app.send_text(&carl(), id, "Is there snow?").await;
    app.clock.advance(Duration::from_hours(1));
    app.post(
        &ada(),
        "/messages/read",
        json!({"conversationId": id, "upTo": question["id"]}),
    )
    .await;
    app.send_text(&ada(), id, "Yes").await;
    let query = "from=2026-01-01T00:00:00Z&to=2026-01-01T02:00:00Z&bucket=hour";
    let counted = app.get(&root(), &format!("{PATH}?{query}")).await;
    insta::assert_snapshot!(counted.to_snapshot());
    let other_agent = app
        .get(&root(), &format!("{PATH}?{query}&agentId=bergsport"))
        .await;
    assert!(
        other_agent
            .data()
            .as_array()
            .expect("a list")
            .iter()
            .all(|it| it["messages"] == 0)
    );
    let log = app.store.list_accesses(None, 1).await.expect("the log");
    assert_eq!(log[0].action, AuditedAction::ReadActivity);
}

#[tokio::test]
async fn days_begin_at_midnight_of_the_time_zone() {
    let app = TestApp::new();
    let query = "from=2026-03-28T12:00:00%2B01:00&to=2026-03-29T12:00:00%2B02:00&bucket=day&tz=Europe/Zurich";
    let counted = app.get(&root(), &format!("{PATH}?{query}")).await;
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
async fn invalid_requests_are_refused() {
    let app = TestApp::new();
    let span = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z";
    let case =
        |name, query: &str, expected| Case::get(name, format!("{PATH}?{query}"), expected).with_actor(root());
    let (invalid, forbidden) = ((400, "validation_failed"), (403, "forbidden"));
    let mut cases = vec![
        case("no parameters", "", invalid),
        case(
            "invalid times",
            "from=yesterday&to=2026-01-01&bucket=hour",
            invalid,
        ),
        case("an unknown bucket", &format!("{span}&bucket=week"), invalid),
        case(
            "an unknown time zone",
            &format!("{span}&bucket=day&tz=Zurich"),
            invalid,
        ),
        case(
            "an invalid agent id",
            &format!("{span}&bucket=day&agentId=a%20b"),
            invalid,
        ),
        case(
            "a reversed span",
            "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z&bucket=day",
            invalid,
        ),
        case(
            "too many hours",
            "from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z&bucket=hour",
            invalid,
        ),
        case(
            "no login",
            &format!("{span}&bucket=day"),
            (401, "unauthenticated"),
        )
        .unauthenticated(),
    ];
    for actor in [carl(), ada(), bob()] {
        cases.push(case("not an admin", &format!("{span}&bucket=day"), forbidden).with_actor(actor));
    }
    insta::assert_snapshot!(check(&app, cases).await);
}
