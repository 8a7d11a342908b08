//! The host's policy in responses: `canSend`, and the error for a policy that does not answer.

use async_trait::async_trait;
use messaging_axum::HttpOptions;
use messaging_core::{
    Actor,
    host::{
        HostError,
        access::{AccessPolicy, ParticipantAction, Participants, Ruling},
    },
};
use serde_json::{Value, json};

use crate::support::{TestApp, carl};

/// Answers every question except those about opening with this function.
struct Answers(fn() -> Result<Ruling, HostError>);

#[async_trait]
impl AccessPolicy for Answers {
    async fn check(
        &self,
        _: &Actor,
        action: ParticipantAction,
        _: &Participants,
    ) -> Result<Ruling, HostError> {
        match action {
            ParticipantAction::Open => Ok(Ruling::Allow),
            _ => (self.0)(),
        }
    }
}

fn app(answers: fn() -> Result<Ruling, HostError>) -> TestApp {
    TestApp::with(HttpOptions::default(), |parts| parts.policy(Answers(answers)))
}

fn down() -> Result<Ruling, HostError> {
    Err(HostError::temporary("the host's database is down"))
}

/// Returns `canSend` of an opening, a list, a single conversation and a history.
async fn can_send(app: &TestApp) -> [Value; 4] {
    let body = json!({"agentId": "alpine"});
    let opened = app.post(&carl(), "/messages/conversations", body).await.data();
    let id = opened["id"].as_str().expect("an id").to_owned();
    let listed = app.get(&carl(), "/messages/conversations").await.data();
    let path = format!("/messages/conversations/{id}");
    let details = app.get(&carl(), &path).await.data();
    let path = format!("/messages?conversationId={id}");
    let history = app.get(&carl(), &path).await.data();
    [&opened, &listed[0], &details, &history["conversation"]].map(|one| one["canSend"].clone())
}

#[tokio::test]
async fn every_response_has_can_send_by_the_policy_or_our_rules() {
    let said = [
        (app(|| Ok(Ruling::Allow)), true),
        (app(|| Ok(Ruling::refuse("Not on Sundays."))), false),
        (app(down), true),
    ];
    for (app, expected) in said {
        assert_eq!(
            can_send(&app).await,
            [json!(expected), json!(expected), json!(expected), json!(expected)]
        );
    }
}

#[tokio::test]
async fn a_failing_policy_makes_sends_unavailable_and_allows_blocks() {
    let app = app(down);
    let id = app.open("alpine").await;
    let body = json!({"conversationId": id, "content": "Hello"});
    let sent = app.post(&carl(), "/messages", body).await;
    assert_eq!(sent.error(), (503, "unavailable".to_owned()));
    assert_eq!(sent.header("retry-after"), Some("1"));
    let blocked = app
        .put(&carl(), &format!("/messages/conversations/{id}/block"))
        .await;
    assert_eq!(blocked.status, 204);
    assert_eq!(
        app.history(&carl(), id, "").await.contents(),
        Vec::<String>::new()
    );
}
