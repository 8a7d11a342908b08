//! The Beams client, with a local server that behaves as Pusher documents.

use std::time::Duration;

use crate::support::fault_server::{FaultServer, Reply, status};
use messaging_core::{
    ConversationId, MessageId, UserId,
    domain::{
        message::Origin,
        shown::Shown,
        side::{Recipients, Side},
    },
    transport::TransportErrorKind,
    transport::push::{Notification, Push as _},
};
use messaging_pusher::{BeamsConfig, BeamsContent, BeamsPush};
use serde_json::{Value, json};

const CONVERSATION: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
const MESSAGE: &str = "0190163d-8694-739b-aea5-966c26f8ad92";

fn notification(from: &str, text: &str) -> Notification {
    let user_id = UserId::parse("carl").unwrap();
    let side = Side::Client;
    sent_by(Origin::user(side, user_id), from, text)
}

fn sent_by(origin: Origin, from: &str, text: &str) -> Notification {
    let conversation_id = ConversationId::parse(CONVERSATION).unwrap();
    let message_id = MessageId::parse(MESSAGE).unwrap();
    Notification::new(conversation_id, message_id, origin, Shown::verbatim(text)).with_from(from.to_owned())
}

fn users(count: usize) -> Vec<UserId> {
    (1..=count)
        .map(|n| UserId::parse(format!("user-{n}")).unwrap())
        .collect()
}

fn accepted() -> Reply {
    Reply::Status(200, "", r#"{"publishId":"pubid-1"}"#.to_owned())
}

async fn server() -> (FaultServer, BeamsConfig) {
    let server = FaultServer::start().await;
    server.reply_all(accepted());
    let config = BeamsConfig::new("instance-1", "hush").unwrap();
    let config = config.at_server(&format!("http://{}", server.address)).unwrap();
    (server, config)
}

#[tokio::test]
async fn a_call_matches_pushers_documentation() {
    let (server, config) = server().await;
    let config = config.with_link(|it| format!("https://tours.example/{}", it.conversation_id));
    let push = BeamsPush::new(config).unwrap();
    push.notify(&users(2), &notification("Carl", "Is the hut open?"))
        .await
        .unwrap();
    let requests = server.requests();
    let [call] = &requests[..] else {
        panic!("{requests:?}")
    };
    assert_eq!(call.method, "POST");
    assert_eq!(
        call.target,
        "/publish_api/v1/instances/instance-1/publishes/users"
    );
    for expected in [
        ("authorization", "Bearer hush"),
        ("content-type", "application/json"),
    ] {
        let found = call
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(expected.0));
        assert_eq!(found.map(|(_, value)| value.as_str()), Some(expected.1));
    }
    let data = json!({ "conversationId": CONVERSATION, "messageId": MESSAGE });
    let shown = json!({ "title": "Carl", "body": "Is the hut open?" });
    let mut web = shown.clone();
    web["deep_link"] = json!(format!("https://tours.example/{CONVERSATION}"));
    let expected = json!({
        "users": ["user-1", "user-2"],
        "web": { "notification": web, "data": data },
        "fcm": { "notification": shown, "data": data },
        "apns": { "aps": { "alert": shown }, "data": data },
    });
    assert_eq!(serde_json::from_str::<Value>(&call.body).unwrap(), expected);
}

#[tokio::test]
async fn a_message_of_the_host_is_not_from_the_other_side() {
    let (server, config) = server().await;
    let push = BeamsPush::new(config).unwrap();
    let origin = Origin::system(Recipients::Both);
    let notice = sent_by(origin, "Carl", "Booking confirmed");
    push.notify(&users(1), &notice).await.unwrap();
    let call: Value = serde_json::from_str(&server.requests()[0].body).unwrap();
    assert_eq!(
        call["apns"]["aps"]["alert"],
        json!({ "title": "New message", "body": "Booking confirmed" })
    );
}

#[tokio::test]
async fn one_call_notifies_at_most_a_thousand_users() {
    let (server, config) = server().await;
    let push = BeamsPush::new(config).unwrap();
    push.notify(&users(2_001), &notification("Carl", "hello"))
        .await
        .unwrap();
    let counts: Vec<_> = server
        .requests()
        .iter()
        .map(|call| {
            serde_json::from_str::<Value>(&call.body).unwrap()["users"]
                .as_array()
                .unwrap()
                .len()
        })
        .collect();
    assert_eq!(counts, [1_000, 1_000, 1]);
}

#[tokio::test]
async fn hidden_content_contains_neither_text_nor_name() {
    let (server, config) = server().await;
    let push = BeamsPush::new(config.with_content(BeamsContent::Hidden)).unwrap();
    push.notify(&users(1), &notification("Carl", "my secret"))
        .await
        .unwrap();
    let body = &server.requests()[0].body;
    assert!(
        body.contains("New message") && !body.contains("Carl") && !body.contains("secret"),
        "{body}"
    );
}

#[tokio::test]
async fn a_long_message_is_truncated_at_a_character_boundary() {
    let (server, config) = server().await;
    let push = BeamsPush::new(config).unwrap();
    push.notify(&users(1), &notification("", &"é".repeat(2_000)))
        .await
        .unwrap();
    let body: Value = serde_json::from_str(&server.requests()[0].body).unwrap();
    let shown = &body["web"]["notification"];
    assert_eq!(shown["title"], "New message");
    assert_eq!(shown["body"].as_str().unwrap().chars().count(), 201);
}

#[tokio::test]
async fn each_failure_has_its_kind_and_hides_the_secret() {
    let (server, config) = server().await;
    let push = BeamsPush::new(config.with_call_timeout(Duration::from_millis(300))).unwrap();
    let busy = Reply::Status(429, "retry-after: 7\r\n", "{}".to_owned());
    let retry_after = Some(Duration::from_secs(7));
    for (reply, expected) in [
        (busy, TransportErrorKind::Busy { retry_after }),
        (status(400), TransportErrorKind::Refused),
        (status(413), TransportErrorKind::Refused),
        (status(422), TransportErrorKind::Refused),
        (status(401), TransportErrorKind::Misconfigured),
        (status(402), TransportErrorKind::Misconfigured),
        (status(403), TransportErrorKind::Misconfigured),
        (status(404), TransportErrorKind::Misconfigured),
        (status(500), TransportErrorKind::OutcomeUnknown),
        (Reply::Disconnect, TransportErrorKind::OutcomeUnknown),
        (Reply::NoAnswer, TransportErrorKind::OutcomeUnknown),
        (Reply::Bytes(b"rubbish"), TransportErrorKind::OutcomeUnknown),
        (
            Reply::Status(200, "", "rubbish".to_owned()),
            TransportErrorKind::OutcomeUnknown,
        ),
    ] {
        server.reply_all(reply.clone());
        let error = push
            .notify(&users(1), &notification("Carl", "hello"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), expected, "{reply:?}");
        assert!(!format!("{error:?} {push:?}").contains("hush"));
    }
    server.reply_all(accepted());
    push.notify(&users(1), &notification("Carl", "hello"))
        .await
        .unwrap();
}
