use insta::assert_snapshot;
use messaging_core::{Actor, ConversationId, store::AuditStore};
use serde_json::{Value, json};

use crate::support::{Case, TestApp, TestResponse, UNKNOWN_ID, ada, bob, carl, check, eve, root};

const LIST: &str = "/messages/admin/reports";

async fn report(app: &TestApp, actor: &Actor, of: ConversationId, body: Value) -> TestResponse {
    let path = format!("/messages/conversations/{of}/reports");
    app.post(actor, &path, body).await
}

/// Reports a message of Ada as Carl; returns the report's id.
async fn reported(app: &TestApp) -> String {
    let id = app.open("alpine").await;
    let message = app.send_text(&ada(), id, "Give me your <password>").await;
    let body = json!({"reason": "She asks for my password.", "messageId": message["id"]});
    let response = report(app, &carl(), id, body).await;
    assert_eq!(response.status, 201);
    response.data()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_report_is_opened_extended_and_resolved() {
    let app = TestApp::new();
    let id = reported(&app).await;
    let of = app.get(&root(), &format!("{LIST}/{id}")).await.data()["conversationId"].clone();
    let of = ConversationId::parse(of.as_str().expect("an id")).expect("an id of ours");
    let again = report(
        &app,
        &carl(),
        of,
        json!({"reason": "And again.", "messageId": null}),
    )
    .await;
    assert_eq!((again.status, again.data()), (200, json!({ "id": id })));

    let open = app.get(&root(), &format!("{LIST}?status=open")).await;
    let resolve = format!("{LIST}/{id}/resolve");
    let resolved = app
        .post(&root(), &resolve, json!({"note": "Has been warned."}))
        .await;
    assert_snapshot!(format!("{}\n{}", open.to_snapshot(), resolved.to_snapshot()));

    let dismissed = app
        .post(&root(), &format!("{LIST}/{id}/dismiss"), json!({}))
        .await;
    assert_eq!(
        (dismissed.status, dismissed.data()),
        (200, resolved.data()),
        "a resolved report is unchanged"
    );
    assert_eq!(
        app.get(&root(), &format!("{LIST}?status=open")).await.data(),
        json!([])
    );
    let seen = app.get(&root(), &format!("{LIST}/{id}")).await;
    assert_eq!(seen.data(), resolved.data());
    let log = app.store.list_accesses(None, 20).await.expect("the log");
    let log: Vec<_> = log.iter().rev().map(|record| record.action.name()).collect();
    assert_eq!(
        log,
        [
            "see_report",
            "list_reports",
            "resolve_report",
            "dismiss_report",
            "list_reports",
            "see_report"
        ]
    );
}

#[tokio::test]
async fn a_full_report_accepts_no_further_complaint() {
    let app = TestApp::new();
    let of = app.open("alpine").await;
    let mut responses = Vec::new();
    for n in 0..21 {
        responses.push(report(&app, &carl(), of, json!({ "reason": n.to_string() })).await);
    }
    let refused = responses.pop().expect("a response");
    assert!(
        responses
            .iter()
            .all(|response| matches!(response.status, 200 | 201))
    );
    assert_eq!(refused.error(), (409, "report_full".to_owned()));
    let list = app.get(&root(), LIST).await.data();
    assert_eq!(list[0]["complaints"].as_array().expect("a list").len(), 20);
}

#[tokio::test]
async fn a_report_can_be_dismissed_without_a_note() {
    let app = TestApp::new();
    let id = reported(&app).await;
    let dismissed = app
        .post(&root(), &format!("{LIST}/{id}/dismiss"), json!({}))
        .await;
    assert_eq!(dismissed.data()["status"], "dismissed");
    assert_eq!(dismissed.data()["settled"]["note"], Value::Null);
    assert_eq!(dismissed.data()["settled"]["by"]["id"], "root");
}

#[tokio::test]
async fn reports_are_paginated() {
    let app = TestApp::new();
    for client in [carl(), eve()] {
        let of = app.open_as(&client, "alpine").await;
        report(&app, &client, of, json!({"reason": "spam"})).await;
    }
    let first = app.get(&root(), &format!("{LIST}?limit=1")).await;
    assert_eq!(first.data()[0]["reporter"]["id"], "eve");
    let cursor = first.meta()["nextCursor"].as_str().expect("a cursor").to_owned();
    let second = app.get(&root(), &format!("{LIST}?limit=1&cursor={cursor}")).await;
    assert_eq!(second.data()[0]["reporter"]["id"], "carl");
    assert_eq!(
        second.meta(),
        json!({"limit": 1, "hasMore": false, "nextCursor": null})
    );
}

#[tokio::test]
async fn refused_requests_change_nothing() {
    let app = TestApp::new();
    let id = reported(&app).await;
    let of = app.open("bergsport").await;
    let (elsewhere, unknown) = (
        app.send_text(&carl(), of, "Hello").await["id"].clone(),
        UNKNOWN_ID,
    );
    let path = |of: &str| format!("/messages/conversations/{of}/reports");
    let of = app.get(&root(), &format!("{LIST}/{id}")).await.data()["conversationId"].clone();
    let of = of.as_str().expect("an id");
    let body = json!({"reason": "rude"});
    let (invalid, forbidden) = ((400, "validation_failed"), (403, "forbidden"));
    let (not_found, unauthenticated) = ((404, "not_found"), (401, "unauthenticated"));
    let one = format!("{LIST}/{id}");
    let (resolve, dismiss) = (format!("{one}/resolve"), format!("{one}/dismiss"));
    let about = |message: &Value| json!({"reason": "rude", "messageId": message});
    let mut cases = vec![
        Case::post("no reason", &path(of), json!({}), invalid),
        Case::post("a blank reason", &path(of), json!({"reason": " \n"}), invalid),
        Case::post(
            "a long reason",
            &path(of),
            json!({"reason": "é".repeat(1001)}),
            invalid,
        ),
        Case::post(
            "a reason of another type",
            &path(of),
            json!({"reason": ["rude"]}),
            invalid,
        ),
        Case::post("an invalid message id", &path(of), about(&json!("7")), invalid),
        Case::post(
            "a message of another conversation",
            &path(of),
            about(&elsewhere),
            not_found,
        ),
        Case::post("an unknown message", &path(of), about(&json!(unknown)), not_found),
        Case::post("an invalid conversation id", &path("7"), &body, invalid),
        Case::post("an unknown conversation", &path(unknown), &body, not_found),
        Case::post("a client outside the conversation", &path(of), &body, not_found).with_actor(eve()),
        Case::post("an admin", &path(of), &body, forbidden).with_actor(root()),
        Case::post("no login", &path(of), &body, unauthenticated).unauthenticated(),
        Case::get("listing, no login", LIST, unauthenticated).unauthenticated(),
        Case::get("an unknown status", format!("{LIST}?status=closed"), invalid).with_actor(root()),
        Case::get("limit 0", format!("{LIST}?limit=0"), invalid).with_actor(root()),
        Case::get(
            "an invalid cursor",
            format!("{LIST}?cursor=!"),
            (400, "invalid_cursor"),
        )
        .with_actor(root()),
        Case::get("an invalid report id", format!("{LIST}/7"), invalid).with_actor(root()),
        Case::get("an unknown report", format!("{LIST}/{unknown}"), not_found).with_actor(root()),
        Case::post(
            "resolving an unknown report",
            &format!("{LIST}/{unknown}/resolve"),
            "{}",
            not_found,
        )
        .with_actor(root()),
        Case::post("a blank note", &resolve, json!({"note": ""}), invalid).with_actor(root()),
        Case::post("a note of another type", &dismiss, json!({"note": 7}), invalid).with_actor(root()),
        Case::post("no body", &dismiss, "", invalid).with_actor(root()),
    ];
    for actor in [carl(), ada(), bob(), eve()] {
        for of in [one.clone(), format!("{LIST}/{unknown}")] {
            cases.push(Case::get("getting one, not an admin", &of, forbidden).with_actor(actor.clone()));
            for action in ["resolve", "dismiss"] {
                let path = format!("{of}/{action}");
                cases.push(
                    Case::post("resolving, not an admin", &path, "{}", forbidden).with_actor(actor.clone()),
                );
            }
        }
        cases.push(Case::get("listing, not an admin", LIST, forbidden).with_actor(actor));
    }
    assert_snapshot!(check(&app, cases).await);
}
