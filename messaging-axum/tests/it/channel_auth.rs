use axum::http::{Request, header::CONTENT_TYPE};
use insta::assert_snapshot;
use messaging_axum::HttpOptions;
use messaging_core::{Actor, Role, UserId, store::StoreErrorKind};
use serde_json::json;

use crate::support::{Answer, Fault, NOWHERE, NoSignIn, World, ada, bob, carl, eve, root};

#[tokio::test]
async fn a_private_channel_is_signed_without_member_data() {
    let world = World::new();
    let id = world.open("alpine").await;
    let signed = world
        .subscribe(&carl(), &format!("private-conversation-{id}"))
        .await;
    assert_snapshot!(signed.shown());
    let own = world.subscribe(&ada(), "private-user-ada").await;
    assert_eq!(own.json()["auth"], "key:signature-of-1234.5678:private-user-ada");
    assert!(own.json().get("channel_data").is_none());
}

#[tokio::test]
async fn a_presence_channel_is_signed_with_ones_name() {
    let world = World::new();
    let id = world.open("alpine").await;
    assert_snapshot!(
        world
            .subscribe(&carl(), &format!("presence-conversation-{id}"))
            .await
            .shown()
    );
}

#[tokio::test]
async fn every_refusal_is_the_same() {
    let world = World::new();
    let id = world.open("alpine").await;
    let expected = world
        .subscribe(&eve(), &format!("private-conversation-{NOWHERE}"))
        .await
        .anonymous();
    assert_eq!(expected.refusal(), (403, "forbidden".to_owned()));
    for (actor, channel) in [
        (eve(), format!("private-conversation-{id}")),
        (bob(), format!("private-conversation-{id}")),
        (root(), format!("private-conversation-{id}")),
        (eve(), format!("presence-conversation-{id}")),
        (root(), format!("presence-conversation-{id}")),
        (eve(), "private-user-carl".to_owned()),
        (root(), "private-user-carl".to_owned()),
        (carl(), "private-user-nobody".to_owned()),
        (carl(), "private-orders-1".to_owned()),
        (carl(), "conversation".to_owned()),
        (carl(), format!("conversation-{id}")),
        (carl(), format!("private-encrypted-conversation-{id}")),
        (carl(), "private-conversation-".to_owned()),
        (carl(), format!("private-conversation-{id}x")),
        (carl(), "presence-user-carl".to_owned()),
    ] {
        let refused = world.subscribe(&actor, &channel).await.anonymous();
        assert_eq!(refused, expected, "{actor:?} {channel}");
    }
}

#[tokio::test]
async fn the_field_that_is_missing_or_malformed_is_named() {
    let world = World::new();
    for (form, fields) in [
        ("", &["socket_id", "channel_name"][..]),
        ("socket_id=1.2", &["channel_name"]),
        ("channel_name=private-user-carl", &["socket_id"]),
        ("socket_id=&channel_name=", &["socket_id", "channel_name"]),
        ("socket_id=1.2:x&channel_name=private-user-carl", &["socket_id"]),
        ("socket_id=1.2&channel_name=private%20user", &["channel_name"]),
        (
            "socket_id=1.2&socket_id=1.2&channel_name=private-user-carl",
            &["socket_id"],
        ),
        ("socket_id[0]=1.2&channel_name=private-user-carl", &["socket_id"]),
    ] {
        let request = Request::post("/pusher/auth").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let refused = world.ask(&carl(), request, form).await;
        assert_eq!(refused.refusal(), (400, "validation_failed".to_owned()), "{form}");
        let details = refused.json()["details"].clone();
        let named: Vec<_> = details
            .as_array()
            .into_iter()
            .flatten()
            .map(|detail| detail["field"].clone())
            .collect();
        assert_eq!(named, fields, "{form}");
    }
    let request = Request::post("/pusher/auth").header(CONTENT_TYPE, "text/plain");
    let refused = world.ask(&carl(), request, "{}").await;
    assert_eq!(refused.refusal(), (415, "unsupported_media_type".to_owned()));
}

async fn ask(world: &World, content_type: &str, body: impl ToString) -> Answer {
    let request = Request::post("/pusher/auth").header(CONTENT_TYPE, content_type);
    world.ask(&carl(), request, body.to_string()).await
}

const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";
const JSON: &str = "application/json; charset=utf-8";

#[tokio::test]
async fn a_signature_may_be_asked_for_in_json() {
    let world = World::new();
    let id = world.open("alpine").await;
    for channel in [
        format!("private-conversation-{id}"),
        format!("presence-conversation-{id}"),
    ] {
        let expected = world.subscribe(&carl(), &channel).await;
        let body = json!({"socket_id": "1234.5678", "channel_name": channel, "more": 7});
        let signed = ask(&world, JSON, body).await;
        assert_eq!((signed.status, signed.json()), (200, expected.json()));
    }
    for (body, fields) in [
        (json!({}), &["socket_id", "channel_name"][..]),
        (
            json!({"socket_id": 1.2, "channel_name": 7}),
            &["socket_id", "channel_name"],
        ),
        (json!({"socket_id": "1.2", "channel_name": []}), &["channel_name"]),
        (
            json!({"socket_id": "1.2", "channel_name": [7]}),
            &["channel_name"],
        ),
        (
            json!({"socket_id": "1.2", "channel_name": vec!["private-user-carl"; 101]}),
            &["channel_name"],
        ),
    ] {
        let refused = ask(&world, JSON, &body).await;
        assert_eq!(refused.status, 400, "{body}");
        let details = refused.json()["details"].clone();
        let named: Vec<_> = details
            .as_array()
            .into_iter()
            .flatten()
            .map(|it| it["field"].clone())
            .collect();
        assert_eq!(named, fields, "{body}");
    }
}

#[tokio::test]
async fn several_channels_are_signed_at_once_and_a_refusal_is_only_of_its_own() {
    let world = World::new();
    let [id, of_eve] = [world.open("alpine").await, world.open_as(&eve(), "alpine").await];
    let private = format!("private-conversation-{id}");
    let presence = format!("presence-conversation-{id}");
    let of_others = format!("private-conversation-{of_eve}");
    let names = [&private, &presence, "private-user-carl", &of_others, "orders-1"];
    let indexed: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(n, name)| format!("channel_name[{n}]={name}"))
        .collect();
    let repeated: Vec<_> = names.iter().map(|name| format!("channel_name={name}")).collect();
    let unnumbered: Vec<_> = names
        .iter()
        .map(|name| format!("channel_name[]={name}"))
        .collect();
    let form = |fields: &[String]| format!("socket_id=1234.5678&{}", fields.join("&"));
    for (content_type, body) in [
        (FORM, form(&indexed)),
        (FORM, form(&repeated)),
        (FORM, form(&unnumbered)),
        (
            JSON,
            json!({"socket_id": "1234.5678", "channel_name": names}).to_string(),
        ),
    ] {
        let answer = ask(&world, content_type, &body).await;
        assert_eq!(answer.status, 200, "{body}");
        let answer = answer.json();
        for name in [&private, &presence, "private-user-carl"] {
            let alone = world.subscribe(&carl(), name).await.json();
            assert_eq!(answer[name], json!({"status": 200, "data": alone}), "{body}");
        }
        for name in [&of_others, "orders-1"] {
            assert_eq!(answer[name], json!({"status": 403}), "{body}");
        }
    }
    let unnamed = form(&[indexed[0].clone(), "channel_name[1]=no name".to_owned()]);
    let refused = ask(&world, FORM, &unnamed).await;
    assert_eq!(refused.refusal(), (400, "validation_failed".to_owned()));
    let one = ask(&world, FORM, "socket_id=1.2&channel_name[0]=private-user-carl").await;
    assert_eq!(
        one.json()["private-user-carl"]["status"],
        200,
        "a list of one is a list"
    );
}

#[tokio::test]
async fn a_store_that_is_away_leaves_no_channel_refused() {
    let world = World::new();
    let id = world.open("alpine").await;
    world.store.fail(Fault::All(StoreErrorKind::Internal));
    let names = [
        "private-user-carl".to_owned(),
        format!("private-conversation-{id}"),
    ];
    let answer = ask(&world, JSON, json!({"socket_id": "1.2", "channel_name": names})).await;
    assert_eq!(answer.status, 500);
}

#[tokio::test]
async fn who_signs_in_is_the_caller_in_a_form_and_in_json() {
    let world = World::new();
    for (content_type, body) in [(FORM, "socket_id=1.2"), (JSON, r#"{"socket_id": "1.2"}"#)] {
        let request = Request::post("/pusher/user-auth").header(CONTENT_TYPE, content_type);
        let signed = world.ask(&carl(), request, body).await;
        let expected = json!({"auth": "key:signature-of-1.2::user::carl", "user_data": r#"{"id":"carl"}"#});
        assert_eq!((signed.status, signed.json()), (200, expected));
    }
    let request = Request::post("/pusher/user-auth").header(CONTENT_TYPE, FORM);
    let refused = world.ask(&carl(), request, "socket_id=1").await;
    assert_eq!(refused.refusal(), (400, "validation_failed".to_owned()));
    let request = Request::post("/pusher/user-auth").header(CONTENT_TYPE, FORM);
    let refused = world
        .request(request.body("socket_id=1.2".into()).expect("a request"))
        .await;
    assert_eq!(refused.refusal(), (401, "unauthenticated".to_owned()));
}

#[tokio::test]
async fn nobody_signs_in_where_the_realtime_server_has_no_notion_of_it() {
    let world = World::with(HttpOptions::default(), |parts| parts.realtime(NoSignIn));
    let request = Request::post("/pusher/user-auth").header(CONTENT_TYPE, FORM);
    let refused = world.ask(&carl(), request, "socket_id=1.2").await;
    assert_eq!(refused.refusal(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn the_refusal_says_how_the_channel_of_any_user_is_called() {
    let world = World::new();
    for id in ["auth0|65f2c0", "me+you@a.example", "f:1", &"x".repeat(255)] {
        let me = Actor::new(UserId::parse(id).expect("an id"), Role::Client);
        let own = world.get(&me, "/messages/unread").await.data()["channel"].clone();
        let own = own.as_str().expect("a name");
        assert_eq!(world.subscribe(&me, own).await.status, 200, "{own}");
        assert_eq!(world.subscribe(&carl(), own).await.status, 403, "{own}");
        let refused = ask(
            &world,
            JSON,
            json!({"socket_id": "1.2", "channel_name": format!("private-user-{id}")}),
        )
        .await;
        let told = (refused.status, refused.text.contains("base64url"));
        assert_eq!(told, (400, true), "{refused:?}");
    }
}

#[tokio::test]
async fn a_channel_is_signed_as_it_is_spelled() {
    let world = World::new();
    let id = world.open("alpine").await.to_string().to_uppercase();
    for kind in ["private", "presence"] {
        let channel = format!("{kind}-conversation-{id}");
        let signed = world.subscribe(&carl(), &channel).await;
        assert_eq!(
            signed.json()["auth"],
            format!("key:signature-of-1234.5678:{channel}")
        );
    }
}

#[tokio::test]
async fn nobody_signs_for_whom_the_host_does_not_name() {
    let world = World::new();
    let request = Request::post("/pusher/auth").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let form = "socket_id=1.2&channel_name=private-user-carl";
    let refused = world.request(request.body(form.into()).expect("a request")).await;
    assert_eq!(refused.refusal(), (401, "unauthenticated".to_owned()));
}
