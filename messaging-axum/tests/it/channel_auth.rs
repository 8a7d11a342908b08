use axum::http::{Request, header::CONTENT_TYPE};
use insta::assert_snapshot;
use messaging_axum::HttpOptions;
use messaging_core::{Actor, Role, UserId, store::StoreErrorKind};
use serde_json::json;

use crate::support::{Fault, NoSignIn, TestApp, TestResponse, UNKNOWN_ID, ada, bob, carl, eve, root};

#[tokio::test]
async fn a_private_channel_is_signed_without_member_data() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let signed = app
        .subscribe(&carl(), &format!("private-conversation-{id}"))
        .await;
    assert_snapshot!(signed.to_snapshot());
    let own = app.subscribe(&ada(), "private-user-ada").await;
    assert_eq!(own.json()["auth"], "key:signature-of-1234.5678:private-user-ada");
    assert!(own.json().get("channel_data").is_none());
}

#[tokio::test]
async fn a_presence_channel_is_signed_with_the_callers_name() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    assert_snapshot!(
        app.subscribe(&carl(), &format!("presence-conversation-{id}"))
            .await
            .to_snapshot()
    );
}

#[tokio::test]
async fn all_refusals_are_identical() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let expected = app
        .subscribe(&eve(), &format!("private-conversation-{UNKNOWN_ID}"))
        .await
        .without_request_id();
    assert_eq!(expected.error(), (403, "forbidden".to_owned()));
    for (actor, channel) in [
        (eve(), format!("private-conversation-{id}")),
        (bob(), format!("private-conversation-{id}")),
        (root(), format!("private-conversation-{id}")),
        (eve(), format!("presence-conversation-{id}")),
        (root(), format!("presence-conversation-{id}")),
        (eve(), "private-user-carl".to_owned()),
        (root(), "private-user-carl".to_owned()),
        (carl(), "private-user-unknown".to_owned()),
        (carl(), "private-orders-1".to_owned()),
        (carl(), "conversation".to_owned()),
        (carl(), format!("conversation-{id}")),
        (carl(), format!("private-encrypted-conversation-{id}")),
        (carl(), "private-conversation-".to_owned()),
        (carl(), format!("private-conversation-{id}x")),
        (carl(), "presence-user-carl".to_owned()),
    ] {
        let refused = app.subscribe(&actor, &channel).await.without_request_id();
        assert_eq!(refused, expected, "{actor:?} {channel}");
    }
}

#[tokio::test]
async fn missing_and_malformed_fields_are_named() {
    let app = TestApp::new();
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
        let refused = app.request_as(&carl(), request, form).await;
        assert_eq!(refused.error(), (400, "validation_failed".to_owned()), "{form}");
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
    let refused = app.request_as(&carl(), request, "{}").await;
    assert_eq!(refused.error(), (415, "unsupported_media_type".to_owned()));
}

async fn authorize(app: &TestApp, content_type: &str, body: impl ToString) -> TestResponse {
    let request = Request::post("/pusher/auth").header(CONTENT_TYPE, content_type);
    app.request_as(&carl(), request, body.to_string()).await
}

const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";
const JSON: &str = "application/json; charset=utf-8";

#[tokio::test]
async fn a_json_request_is_accepted() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    for channel in [
        format!("private-conversation-{id}"),
        format!("presence-conversation-{id}"),
    ] {
        let expected = app.subscribe(&carl(), &channel).await;
        let body = json!({"socket_id": "1234.5678", "channel_name": channel, "more": 7});
        let signed = authorize(&app, JSON, body).await;
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
        let refused = authorize(&app, JSON, &body).await;
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
async fn a_refused_channel_does_not_affect_the_others() {
    let app = TestApp::new();
    let [id, eves_id] = [app.open("alpine").await, app.open_as(&eve(), "alpine").await];
    let private = format!("private-conversation-{id}");
    let presence = format!("presence-conversation-{id}");
    let eves_channel = format!("private-conversation-{eves_id}");
    let names = [
        &private,
        &presence,
        "private-user-carl",
        &eves_channel,
        "orders-1",
    ];
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
        let response = authorize(&app, content_type, &body).await;
        assert_eq!(response.status, 200, "{body}");
        let response = response.json();
        for name in [&private, &presence, "private-user-carl"] {
            let alone = app.subscribe(&carl(), name).await.json();
            assert_eq!(response[name], json!({"status": 200, "data": alone}), "{body}");
        }
        for name in [&eves_channel, "orders-1"] {
            assert_eq!(response[name], json!({"status": 403}), "{body}");
        }
    }
    let unnamed = form(&[indexed[0].clone(), "channel_name[1]=no name".to_owned()]);
    let refused = authorize(&app, FORM, &unnamed).await;
    assert_eq!(refused.error(), (400, "validation_failed".to_owned()));
    let one = authorize(&app, FORM, "socket_id=1.2&channel_name[0]=private-user-carl").await;
    assert_eq!(
        one.json()["private-user-carl"]["status"],
        200,
        "a list with one channel has the form of a list"
    );
}

#[tokio::test]
async fn a_failing_store_is_an_error_and_not_a_refusal() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    app.store.fail(Fault::All(StoreErrorKind::Internal));
    let names = [
        "private-user-carl".to_owned(),
        format!("private-conversation-{id}"),
    ];
    let response = authorize(&app, JSON, json!({"socket_id": "1.2", "channel_name": names})).await;
    assert_eq!(response.status, 500);
}

#[tokio::test]
async fn the_caller_signs_in_with_a_form_or_json() {
    let app = TestApp::new();
    for (content_type, body) in [(FORM, "socket_id=1.2"), (JSON, r#"{"socket_id": "1.2"}"#)] {
        let request = Request::post("/pusher/user-auth").header(CONTENT_TYPE, content_type);
        let signed = app.request_as(&carl(), request, body).await;
        let expected = json!({"auth": "key:signature-of-1.2::user::carl", "user_data": r#"{"id":"carl"}"#});
        assert_eq!((signed.status, signed.json()), (200, expected));
    }
    let request = Request::post("/pusher/user-auth").header(CONTENT_TYPE, FORM);
    let refused = app.request_as(&carl(), request, "socket_id=1").await;
    assert_eq!(refused.error(), (400, "validation_failed".to_owned()));
    let request = Request::post("/pusher/user-auth").header(CONTENT_TYPE, FORM);
    let refused = app
        .request(request.body("socket_id=1.2".into()).expect("a request"))
        .await;
    assert_eq!(refused.error(), (401, "unauthenticated".to_owned()));
}

#[tokio::test]
async fn signing_in_is_not_found_if_the_realtime_server_does_not_support_it() {
    let app = TestApp::with(HttpOptions::default(), |parts| parts.realtime(NoSignIn));
    let request = Request::post("/pusher/user-auth").header(CONTENT_TYPE, FORM);
    let refused = app.request_as(&carl(), request, "socket_id=1.2").await;
    assert_eq!(refused.error(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn an_invalid_user_channel_is_explained() {
    let app = TestApp::new();
    for id in ["auth0|65f2c0", "me+you@a.example", "f:1", &"x".repeat(255)] {
        let me = Actor::new(UserId::parse(id).expect("an id"), Role::Client);
        let own = app.get(&me, "/messages/unread").await.data()["channel"].clone();
        let own = own.as_str().expect("a name");
        assert_eq!(app.subscribe(&me, own).await.status, 200, "{own}");
        assert_eq!(app.subscribe(&carl(), own).await.status, 403, "{own}");
        let refused = authorize(
            &app,
            JSON,
            json!({"socket_id": "1.2", "channel_name": format!("private-user-{id}")}),
        )
        .await;
        let outcome = (refused.status, refused.text.contains("base64url"));
        assert_eq!(outcome, (400, true), "{refused:?}");
    }
}

#[tokio::test]
async fn a_channel_is_signed_in_the_clients_spelling() {
    let app = TestApp::new();
    let id = app.open("alpine").await.to_string().to_uppercase();
    for kind in ["private", "presence"] {
        let channel = format!("{kind}-conversation-{id}");
        let signed = app.subscribe(&carl(), &channel).await;
        assert_eq!(
            signed.json()["auth"],
            format!("key:signature-of-1234.5678:{channel}")
        );
    }
}

#[tokio::test]
async fn a_request_without_an_actor_is_not_signed() {
    let app = TestApp::new();
    let request = Request::post("/pusher/auth").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let form = "socket_id=1.2&channel_name=private-user-carl";
    let refused = app.request(request.body(form.into()).expect("a request")).await;
    assert_eq!(refused.error(), (401, "unauthenticated".to_owned()));
}
