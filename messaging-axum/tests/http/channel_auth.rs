use axum::http::{Request, header::CONTENT_TYPE};
use insta::assert_snapshot;

use crate::fixture::{NOWHERE, World, ada, bob, carl, eve, root};

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
        ("socket_id=1.2&socket_id=1.2&channel_name=private-user-carl", &[]),
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
    let request = Request::post("/pusher/auth").header(CONTENT_TYPE, "application/json");
    let refused = world.ask(&carl(), request, "{}").await;
    assert_eq!(refused.refusal(), (415, "unsupported_media_type".to_owned()));
}

#[tokio::test]
async fn nobody_signs_for_whom_the_host_does_not_name() {
    let world = World::new();
    let request = Request::post("/pusher/auth").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let form = "socket_id=1.2&channel_name=private-user-carl";
    let refused = world.request(request.body(form.into()).expect("a request")).await;
    assert_eq!(refused.refusal(), (401, "unauthenticated".to_owned()));
}
