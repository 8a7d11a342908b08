use insta::assert_snapshot;
use messaging_core::{Actor, ConversationId, store::AuditStore};
use serde_json::{Value, json};

use crate::support::{Answer, Case, NOWHERE, World, ada, bob, carl, check, eve, root};

const LIST: &str = "/messages/admin/reports";

async fn report(world: &World, actor: &Actor, of: ConversationId, body: Value) -> Answer {
    let path = format!("/messages/conversations/{of}/reports");
    world.post(actor, &path, body).await
}

/// Carl's report of Ada's message.
async fn reported(world: &World) -> String {
    let id = world.open("alpine").await;
    let message = world.say(&ada(), id, "Give me your <password>").await;
    let body = json!({"reason": "She asks for my password.", "messageId": message["id"]});
    let answer = report(world, &carl(), id, body).await;
    assert_eq!(answer.status, 201);
    answer.data()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_report_is_opened_added_to_and_resolved() {
    let world = World::new();
    let id = reported(&world).await;
    let of = world.get(&root(), &format!("{LIST}/{id}")).await.data()["conversationId"].clone();
    let of = ConversationId::parse(of.as_str().expect("an id")).expect("an id of ours");
    let again = report(
        &world,
        &carl(),
        of,
        json!({"reason": "And again.", "messageId": null}),
    )
    .await;
    assert_eq!((again.status, again.data()), (200, json!({ "id": id })));

    let open = world.get(&root(), &format!("{LIST}?status=open")).await;
    let resolve = format!("{LIST}/{id}/resolve");
    let resolution = world
        .post(&root(), &resolve, json!({"note": "Has been warned."}))
        .await;
    assert_snapshot!(format!("{}\n{}", open.shown(), resolution.shown()));

    let dismissed = world
        .post(&root(), &format!("{LIST}/{id}/dismiss"), json!({}))
        .await;
    assert_eq!(
        (dismissed.status, dismissed.data()),
        (200, resolution.data()),
        "it stays as it was"
    );
    assert_eq!(
        world.get(&root(), &format!("{LIST}?status=open")).await.data(),
        json!([])
    );
    let seen = world.get(&root(), &format!("{LIST}/{id}")).await;
    assert_eq!(seen.data(), resolution.data());
    let log = world.store.list_accesses(None, 20).await.expect("the log");
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
async fn a_full_report_takes_no_more() {
    let world = World::new();
    let of = world.open("alpine").await;
    let mut answers = Vec::new();
    for n in 0..21 {
        answers.push(report(&world, &carl(), of, json!({ "reason": n.to_string() })).await);
    }
    let refused = answers.pop().expect("an answer");
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 201)));
    assert_eq!(refused.refusal(), (409, "report_full".to_owned()));
    let list = world.get(&root(), LIST).await.data();
    assert_eq!(list[0]["complaints"].as_array().expect("a list").len(), 20);
}

#[tokio::test]
async fn a_report_may_be_dismissed_without_a_word() {
    let world = World::new();
    let id = reported(&world).await;
    let dismissed = world
        .post(&root(), &format!("{LIST}/{id}/dismiss"), json!({}))
        .await;
    assert_eq!(dismissed.data()["status"], "dismissed");
    assert_eq!(dismissed.data()["settled"]["note"], Value::Null);
    assert_eq!(dismissed.data()["settled"]["by"]["id"], "root");
}

#[tokio::test]
async fn reports_come_page_by_page() {
    let world = World::new();
    for client in [carl(), eve()] {
        let of = world.open_as(&client, "alpine").await;
        report(&world, &client, of, json!({"reason": "spam"})).await;
    }
    let first = world.get(&root(), &format!("{LIST}?limit=1")).await;
    assert_eq!(first.data()[0]["reporter"]["id"], "eve");
    let cursor = first.meta()["nextCursor"].as_str().expect("a cursor").to_owned();
    let second = world
        .get(&root(), &format!("{LIST}?limit=1&cursor={cursor}"))
        .await;
    assert_eq!(second.data()[0]["reporter"]["id"], "carl");
    assert_eq!(
        second.meta(),
        json!({"limit": 1, "hasMore": false, "nextCursor": null})
    );
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let world = World::new();
    let id = reported(&world).await;
    let of = world.open("bergsport").await;
    let (elsewhere, nowhere) = (world.say(&carl(), of, "Hello").await["id"].clone(), NOWHERE);
    let path = |of: &str| format!("/messages/conversations/{of}/reports");
    let of = world.get(&root(), &format!("{LIST}/{id}")).await.data()["conversationId"].clone();
    let of = of.as_str().expect("an id");
    let why = json!({"reason": "rude"});
    let (invalid, forbidden) = ((400, "validation_failed"), (403, "forbidden"));
    let (not_found, nobody) = ((404, "not_found"), (401, "unauthenticated"));
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
            "a reason that is no text",
            &path(of),
            json!({"reason": ["rude"]}),
            invalid,
        ),
        Case::post("a message that is no id", &path(of), about(&json!("7")), invalid),
        Case::post(
            "another conversation's message",
            &path(of),
            about(&elsewhere),
            not_found,
        ),
        Case::post(
            "no message of anybody",
            &path(of),
            about(&json!(nowhere)),
            not_found,
        ),
        Case::post("a conversation that is no id", &path("7"), &why, invalid),
        Case::post("no conversation", &path(nowhere), &why, not_found),
        Case::post("somebody else's", &path(of), &why, not_found).by(eve()),
        Case::post("an admin", &path(of), &why, forbidden).by(root()),
        Case::post("nobody", &path(of), &why, nobody).by_nobody(),
        Case::get("nobody lists", LIST, nobody).by_nobody(),
        Case::get(
            "a status of another name",
            format!("{LIST}?status=closed"),
            invalid,
        )
        .by(root()),
        Case::get("a limit of none", format!("{LIST}?limit=0"), invalid).by(root()),
        Case::get("no cursor", format!("{LIST}?cursor=!"), (400, "invalid_cursor")).by(root()),
        Case::get("a report that is no id", format!("{LIST}/7"), invalid).by(root()),
        Case::get("no report", format!("{LIST}/{nowhere}"), not_found).by(root()),
        Case::post(
            "no report to resolve",
            &format!("{LIST}/{nowhere}/resolve"),
            "{}",
            not_found,
        )
        .by(root()),
        Case::post("a blank note", &resolve, json!({"note": ""}), invalid).by(root()),
        Case::post("a note that is no text", &dismiss, json!({"note": 7}), invalid).by(root()),
        Case::post("no body", &dismiss, "", invalid).by(root()),
    ];
    for actor in [carl(), ada(), bob(), eve()] {
        for of in [one.clone(), format!("{LIST}/{nowhere}")] {
            cases.push(Case::get("seen by an actor who may not", &of, forbidden).by(actor.clone()));
            for how in ["resolve", "dismiss"] {
                let path = format!("{of}/{how}");
                cases.push(
                    Case::post("settled by whom it is no business of", &path, "{}", forbidden)
                        .by(actor.clone()),
                );
            }
        }
        cases.push(Case::get("listed by an actor who may not", LIST, forbidden).by(actor));
    }
    assert_snapshot!(check(&world, cases).await);
}
