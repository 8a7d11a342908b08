//! The middleware of the routes: request ids, methods, mounting and logs.

use async_trait::async_trait;
use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    http::{Request, StatusCode},
    routing::get,
};
use messaging_axum::HttpOptions;
use messaging_core::{
    Actor, ConversationId,
    host::HostError,
    host::access::{AccessPolicy, ParticipantAction, Participants, Ruling},
    store::StoreErrorKind,
};
use serde_json::json;
use tower::ServiceExt;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::support::{Fault, Log, TestApp, TestResponse, ada, carl};

#[tokio::test]
async fn a_request_keeps_its_valid_id_or_gets_a_new_one() {
    let app = TestApp::new();
    let ask = async |id: &[u8]| {
        let request = Request::get("/messages/unread").header("x-request-id", id);
        let response = app.request_as(&carl(), request, "").await;
        response.header("x-request-id").expect("an id").to_owned()
    };
    assert_eq!(
        ask(b"Root=1-67891233-abcdef/7:8+9").await,
        "Root=1-67891233-abcdef/7:8+9"
    );
    let new = |id: &str| ConversationId::parse(id).is_ok();
    for bad in [&b""[..], b"a b", b"<script>", b"\xff", b"a,b", &[b'a'; 129]] {
        assert!(new(&ask(bad).await), "{bad:?}");
    }
    let (one, other) = (
        app.get(&carl(), "/messages/unread").await,
        app.get(&carl(), "/messages/unread").await,
    );
    assert!(new(one.header("x-request-id").expect("an id")));
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}

#[tokio::test]
async fn an_unsupported_method_is_refused_with_the_standard_body() {
    let app = TestApp::new();
    let refused = app.delete(&carl(), "/messages").await;
    assert_eq!(refused.error(), (405, "method_not_allowed".to_owned()));
    assert_eq!(refused.header("allow"), Some("GET,HEAD,POST"));
    assert!(refused.header("x-request-id").is_some());
}

struct RefuseSending;

#[async_trait]
impl AccessPolicy for RefuseSending {
    async fn check(
        &self,
        _: &Actor,
        action: ParticipantAction,
        _: &Participants,
    ) -> Result<Ruling, HostError> {
        Ok(match action {
            ParticipantAction::Send => Ruling::refuse("Not on Sundays."),
            _ => Ruling::Allow,
        })
    }
}

#[tokio::test]
async fn the_message_of_the_hosts_refusal_is_returned() {
    let app = TestApp::with(HttpOptions::default(), |parts| parts.policy(RefuseSending));
    let id = app.open("alpine").await;
    let refused = app
        .post(
            &carl(),
            "/messages",
            json!({"conversationId": id, "content": "Hello"}),
        )
        .await;
    assert_eq!(
        refused.json(),
        json!({"success": false, "error": "Not on Sundays.", "code": "forbidden"})
    );
}

/// A host's state, which is unknown to the routes.
#[derive(Clone)]
struct Host {
    name: &'static str,
}

#[tokio::test]
async fn the_hosts_own_routes_are_unaffected() {
    let routes = messaging_axum::routes(&TestApp::new().messaging, HttpOptions::default());
    let api = Router::new()
        .route("/bookings", get(async |State(host): State<Host>| host.name))
        .merge(routes.participants)
        .layer(Extension(carl()))
        .merge(routes.admin)
        .fallback(async || (StatusCode::IM_A_TEAPOT, "the host's"));
    let app = Router::new()
        .nest("/api", api)
        .with_state(Host { name: "the host's" });
    let ask = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let Ok(response) = app.clone().oneshot(request).await;
        TestResponse::read(response).await
    };
    for (path, status) in [
        ("/api/bookings", 200),
        ("/api/messages/nothing", 418),
        ("/api/other", 418),
    ] {
        let response = ask(path).await;
        assert_eq!(
            (
                response.status,
                response.text.as_str(),
                response.header("x-request-id")
            ),
            (status, "the host's", None)
        );
    }
    assert_eq!(
        ask("/api/messages/unread").await.data(),
        json!({"unreadCount": 0, "channel": "private-user-carl"})
    );
}

#[tokio::test]
async fn the_log_of_a_request_contains_no_content() {
    let log = Log::default();
    let _capturing = log.capture();
    let app = TestApp::new();
    let id = app.open("alpine").await;
    app.send_text(&carl(), id, "a-secret-text").await;
    let request = Request::get(format!("/messages?conversationId={id}&limit=77"))
        .header("x-request-id", "the-id")
        .header("cookie", "session=a-secret-cookie");
    app.request_as(&ada(), request, "").await;
    let lines = log.lines_with("the-id");
    let finished = lines
        .iter()
        .find(|line| line.contains("request finished"))
        .expect("a line");
    for part in [
        "method=GET",
        "path=\"/messages\"",
        "request_id=the-id",
        "status=200",
        "latency_ms=",
    ] {
        assert!(finished.contains(part), "{part} in {finished}");
    }
    for secret in ["a-secret", "limit=77", "cookie"] {
        assert_eq!(log.lines_with(secret), [""; 0]);
    }
}

#[tokio::test]
async fn the_span_of_a_use_case_contains_ids_and_no_content() {
    let log = Log::default();
    let _capturing = log.capture_with_spans(FmtSpan::NEW);
    let app = TestApp::new();
    let id = app.open("alpine").await;
    log.clear();
    app.send_text(&carl(), id, "a-secret-text").await;
    let reason = json!({"reason": "a-secret-reason"});
    app.post(&carl(), &format!("/messages/conversations/{id}/reports"), reason)
        .await;
    let started = log.lines_with(&format!("send_message{{user_id=carl conversation_id={id}}}: "));
    assert_eq!(started.len(), 1);
    assert!(
        started[0].contains("request{method=POST path=\"/messages\""),
        "{started:?}"
    );
    assert_eq!(
        log.lines_with(&format!("report{{user_id=carl conversation_id={id}}}: "))
            .len(),
        1
    );
    assert_eq!(log.lines_with("a-secret"), [""; 0]);
}

#[tokio::test]
async fn a_failure_is_logged_once_with_its_cause() {
    let log = Log::default();
    let _capturing = log.capture();
    let app = TestApp::new();
    for (kind, level) in [
        (StoreErrorKind::Internal, "ERROR"),
        (StoreErrorKind::OutcomeUnknown, " WARN"),
    ] {
        log.clear();
        app.store.fail(Fault::All(kind));
        let response = app.get(&carl(), "/messages/unread").await;
        let lines = log.lines_with("internal text");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].contains(level) && lines[0].contains(response.header("x-request-id").expect("an id"))
        );
    }
}

#[tokio::test]
async fn a_panic_is_logged_without_its_message() {
    let log = Log::default();
    let _capturing = log.capture();
    let app = TestApp::new();
    app.store.fail(Fault::Panic);
    app.get(&carl(), "/messages/unread").await;
    assert_eq!(log.lines_with("panic").len(), 1);
    assert_eq!(log.lines_with("internal text").len(), 0);
}

#[tokio::test]
async fn a_missing_actor_is_logged_once_with_a_hint() {
    let log = Log::default();
    let _capturing = log.capture();
    let app = TestApp::new();
    for _ in 0..2 {
        let nothing = Request::get("/messages/unread");
        let wrong = Request::get("/messages/unread").extension(std::sync::Arc::new(carl()));
        for request in [nothing, wrong] {
            let refused = app.request(request.body("".into()).expect("a request")).await;
            assert_eq!(refused.error(), (401, "unauthenticated".to_owned()));
        }
    }
    assert_eq!(log.lines_with("carries no actor").len(), 1);
    assert_eq!(log.lines_with("carries `Arc<Actor>` and no actor").len(), 1);
}
