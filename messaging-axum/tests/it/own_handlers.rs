//! A host's own handlers: they receive the actor, and return errors in the form of our routes.

use std::time::Duration;

use axum::{
    Extension, Json, Router,
    body::Body,
    extract::State,
    http::{Request, StatusCode, header::CONTENT_TYPE},
    routing::{get, post},
};
use messaging_axum::{Caller, ErrorResponse, HttpOptions};
use messaging_core::{
    ConversationId, Messaging, OpenConversation, SendMessage, UserId,
    host::rate_limit::ProcessLimiter,
    store::{StoreError, StoreErrorKind},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Fault, Log, TestApp, TestResponse, ada, carl};

async fn who(Caller(me): Caller) -> String {
    me.user_id().to_string()
}

async fn open(
    Caller(me): Caller,
    State(messaging): State<Messaging>,
    Json(open): Json<Value>,
) -> Result<StatusCode, ErrorResponse> {
    let agent_id = open["agentId"].as_str().unwrap_or_default();
    let open = OpenConversation::new(messaging_core::AgentId::parse(agent_id)?);
    messaging.open_conversation(&me, &open).await?;
    Ok(StatusCode::CREATED)
}

async fn send(
    Caller(me): Caller,
    State(messaging): State<Messaging>,
    Json(send): Json<Value>,
) -> Result<StatusCode, ErrorResponse> {
    let text = send["content"].as_str().unwrap_or_default();
    let body =
        messaging_core::Body::parse(text).map_err(|error| ErrorResponse::invalid_field("content", error))?;
    let id = ConversationId::parse(send["conversationId"].as_str().unwrap_or_default())?;
    messaging.send_message(&me, &SendMessage::new(id, body)).await?;
    Ok(StatusCode::CREATED)
}

async fn block(
    Caller(me): Caller,
    State(messaging): State<Messaging>,
    Json(id): Json<ConversationId>,
) -> Result<StatusCode, ErrorResponse> {
    messaging.block(&me, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read_file() -> Result<String, ErrorResponse> {
    Err(std::io::Error::other("internal text"))?
}

async fn ask_store(Extension(kind): Extension<StoreErrorKind>) -> Result<(), ErrorResponse> {
    Err(StoreError::new(kind, "testing").caused_by("internal text"))?
}

fn host(messaging: &Messaging) -> Router {
    Router::new()
        .route("/who", get(who))
        .route("/open", post(open))
        .route("/send", post(send))
        .route("/block", post(block))
        .route("/file", get(read_file))
        .route("/store", get(ask_store))
        .with_state(messaging.clone())
}

async fn ask(app: &TestApp, request: Request<Body>) -> TestResponse {
    let Ok(response) = host(&app.messaging).oneshot(request).await;
    TestResponse::read(response).await
}

fn get_request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

fn post_request(actor: &messaging_core::Actor, path: &str, body: &Value) -> Request<Body> {
    let request = Request::post(path).header(CONTENT_TYPE, "application/json");
    let request = request.extension(actor.clone()).body(body.to_string().into());
    request.expect("a request")
}

/// All that a client sees of a response, except for its request id.
fn seen(response: &TestResponse) -> (u16, &str, Option<&str>) {
    (response.status, &response.text, response.header("retry-after"))
}

#[tokio::test]
async fn a_handler_knows_its_caller() {
    let app = TestApp::new();
    let mut request = get_request("/who");
    request.extensions_mut().insert(carl());
    let known = ask(&app, request).await;
    assert_eq!((known.status, known.text.as_str()), (200, "carl"));
}

#[tokio::test]
async fn without_an_actor_a_handler_refuses_as_our_routes_do() {
    let app = TestApp::new();
    let ours = app.request(get_request("/messages/unread")).await;
    assert_eq!(ours.error(), (401, "unauthenticated".to_owned()));
    let hosts = ask(&app, get_request("/who")).await;
    assert_eq!(seen(&hosts), seen(&ours));
}

#[tokio::test]
async fn what_a_caller_sent_wrong_is_the_response_of_our_route() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    for text in ["\0", &"x".repeat(2_001)] {
        let body = json!({ "conversationId": id, "content": text });
        let ours = app.post(&carl(), "/messages", body.clone()).await;
        assert_eq!(ours.error(), (400, "validation_failed".to_owned()));
        let hosts = ask(&app, post_request(&carl(), "/send", &body)).await;
        assert_eq!(seen(&hosts), seen(&ours));
    }
}

#[tokio::test]
async fn an_error_of_a_use_case_is_the_response_of_our_route() {
    let app = TestApp::with(HttpOptions::default(), |parts| {
        parts.rate_limiter(ProcessLimiter::default())
    });
    let id = app.open("alpine").await;
    let path = "/messages/conversations";
    let unavailable = StoreErrorKind::Unavailable {
        retry_after: Duration::from_secs(7),
    };
    for (fault, actor, agent, expected) in [
        (None, ada(), "alpine", (403, "forbidden")),
        (None, carl(), "unknown", (400, "unknown_agent")),
        (Some(unavailable), carl(), "alpine", (503, "unavailable")),
        (
            Some(StoreErrorKind::OutcomeUnknown),
            carl(),
            "alpine",
            (503, "outcome_unknown"),
        ),
        (
            Some(StoreErrorKind::ReadOnly),
            carl(),
            "alpine",
            (503, "unavailable"),
        ),
    ] {
        app.store.recover();
        if let Some(kind) = fault {
            app.store.fail(Fault::All(kind));
        }
        let body = json!({ "agentId": agent });
        let ours = app.post(&actor, path, body.clone()).await;
        assert_eq!(ours.error(), (expected.0, expected.1.to_owned()));
        let hosts = ask(&app, post_request(&actor, "/open", &body)).await;
        assert_eq!(seen(&hosts), seen(&ours));
        let retries_after_seven = fault == Some(unavailable);
        assert_eq!(hosts.header("retry-after") == Some("7"), retries_after_seven);
    }
    app.store.recover();

    let stranger =
        messaging_core::Actor::new(UserId::parse("bob").expect("an id"), messaging_core::Role::Client);
    let hosts = ask(&app, post_request(&stranger, "/block", &json!(id))).await;
    assert_eq!(hosts.error(), (404, "not_found".to_owned()));

    let body = json!({ "agentId": "unknown" });
    let limited = loop {
        let hosts = ask(&app, post_request(&carl(), "/open", &body)).await;
        if hosts.status != 400 {
            break hosts;
        }
    };
    assert_eq!(limited.error(), (429, "rate_limited".to_owned()));
    let ours = app.post(&carl(), path, body).await;
    assert_eq!(seen(&limited), seen(&ours));
    assert!(limited.header("retry-after").is_some());
}

#[tokio::test]
async fn an_error_of_the_store_keeps_its_meaning() {
    let app = TestApp::new();
    let retry_after = Duration::from_secs(7);
    for (kind, expected, retry_after) in [
        (
            StoreErrorKind::Unavailable { retry_after },
            (503, "unavailable"),
            Some("7"),
        ),
        (
            StoreErrorKind::OutcomeUnknown,
            (503, "outcome_unknown"),
            Some("1"),
        ),
        (StoreErrorKind::ReadOnly, (503, "unavailable"), Some("1")),
        (StoreErrorKind::Corrupt, (500, "internal"), None),
        (StoreErrorKind::Internal, (500, "internal"), None),
    ] {
        let mut request = get_request("/store");
        request.extensions_mut().insert(kind);
        let hosts = ask(&app, request).await;
        assert_eq!(hosts.error(), (expected.0, expected.1.to_owned()), "{kind:?}");
        assert_eq!(hosts.header("retry-after"), retry_after, "{kind:?}");
        assert!(!hosts.text.contains("internal text"), "{hosts:?}");
    }
}

#[tokio::test]
async fn any_other_error_is_internal_and_logged_once_with_its_cause() {
    let log = Log::default();
    let _capturing = log.capture();
    let app = TestApp::new();
    let failed = ask(&app, get_request("/file")).await;
    assert_eq!(failed.error(), (500, "internal".to_owned()));
    assert!(!failed.text.contains("internal text"), "{failed:?}");
    let lines = log.lines_with("internal text");
    assert!(lines.len() == 1 && lines[0].contains("ERROR"), "{lines:?}");

    log.clear();
    let mut request = get_request("/store");
    request.extensions_mut().insert(StoreErrorKind::OutcomeUnknown);
    ask(&app, request).await;
    let lines = log.lines_with("internal text");
    assert!(lines.len() == 1 && lines[0].contains(" WARN"), "{lines:?}");
}
