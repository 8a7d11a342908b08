//! The middleware of the routes: request ids, methods, mounting, and the log.

use std::io::{self, Write};

use axum::{
    Extension, Router,
    body::Body,
    extract::FromRef,
    http::{Request, StatusCode},
    routing::get,
};
use messaging_axum::HttpOptions;
use messaging_core::{
    Actor, ConversationId, Messaging,
    domain::conversation::Conversation,
    host::access::{AccessPolicy, HostRefusal},
    policy::Action,
    store::StoreErrorKind,
};
use serde_json::json;
use tower::ServiceExt;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::support::{Answer, Fault, Shared, World, ada, carl};

#[tokio::test]
async fn a_request_keeps_its_id_and_gets_one_if_it_has_none() {
    let world = World::new();
    let ask = async |id: &[u8]| {
        let request = Request::get("/messages/unread").header("x-request-id", id);
        let answer = world.ask(&carl(), request, "").await;
        answer.header("x-request-id").expect("an id").to_owned()
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
        world.get(&carl(), "/messages/unread").await,
        world.get(&carl(), "/messages/unread").await,
    );
    assert!(new(one.header("x-request-id").expect("an id")));
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}

#[tokio::test]
async fn a_method_that_is_not_known_is_refused_in_the_envelope() {
    let world = World::new();
    let refused = world.delete(&carl(), "/messages").await;
    assert_eq!(refused.refusal(), (405, "method_not_allowed".to_owned()));
    assert_eq!(refused.header("allow"), Some("GET,HEAD,POST"));
    assert!(refused.header("x-request-id").is_some());
}

struct NotOnSundays;

impl AccessPolicy for NotOnSundays {
    fn refuse(&self, _: &Actor, action: Action<'_>, _: Option<&Conversation>) -> Option<HostRefusal> {
        matches!(action, Action::Send).then(|| HostRefusal {
            message: "Not on Sundays.".to_owned(),
        })
    }
}

#[tokio::test]
async fn the_hosts_refusal_is_told_in_its_own_words() {
    let world = World::with(HttpOptions::default(), |parts| parts.policy(NotOnSundays));
    let id = world.open("alpine").await;
    let refused = world
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

#[derive(Clone)]
struct Host {
    messaging: Messaging,
}

impl FromRef<Host> for Messaging {
    fn from_ref(host: &Host) -> Self {
        host.messaging.clone()
    }
}

#[tokio::test]
async fn the_hosts_own_routes_are_left_alone() {
    let routes = messaging_axum::routes::<Host>(HttpOptions::default());
    let api = Router::new()
        .route("/bookings", get(async || "the host's"))
        .merge(routes.participants)
        .layer(Extension(carl()))
        .merge(routes.admin)
        .fallback(async || (StatusCode::IM_A_TEAPOT, "the host's"));
    let messaging = World::new().messaging;
    let app = Router::new().nest("/api", api).with_state(Host { messaging });
    let ask = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let Ok(response) = app.clone().oneshot(request).await;
        Answer::read(response).await
    };
    for (path, status) in [
        ("/api/bookings", 200),
        ("/api/messages/nothing", 418),
        ("/api/other", 418),
    ] {
        let hosts = ask(path).await;
        assert_eq!(
            (hosts.status, hosts.text.as_str(), hosts.header("x-request-id")),
            (status, "the host's", None)
        );
    }
    assert_eq!(
        ask("/api/messages/unread").await.data(),
        json!({"unreadCount": 0, "channel": "private-user-carl"})
    );
}

/// What is logged as long as the guard lives.
#[derive(Clone, Default)]
struct Log(Shared<Vec<u8>>);

impl Log {
    fn listen(&self) -> DefaultGuard {
        self.listen_to(FmtSpan::NONE)
    }

    /// The same, and what becomes of spans.
    fn listen_to(&self, spans: FmtSpan) -> DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(spans)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn lines_with(&self, text: &str) -> Vec<String> {
        let log = String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text");
        log.lines()
            .filter(|line| line.contains(text))
            .map(str::to_owned)
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_is_logged_without_what_was_said() {
    let log = Log::default();
    let _listening = log.listen();
    let world = World::new();
    let id = world.open("alpine").await;
    world.say(&carl(), id, "a-secret-text").await;
    let request = Request::get(format!("/messages?conversationId={id}&limit=77"))
        .header("x-request-id", "the-id")
        .header("cookie", "session=a-secret-cookie");
    world.ask(&ada(), request, "").await;
    let lines = log.lines_with("the-id");
    let answered = lines
        .iter()
        .find(|line| line.contains("answered"))
        .expect("a line");
    for part in [
        "method=GET",
        "path=\"/messages\"",
        "request_id=the-id",
        "status=200",
        "latency_ms=",
    ] {
        assert!(answered.contains(part), "{part} in {answered}");
    }
    for secret in ["a-secret", "limit=77", "cookie"] {
        assert_eq!(log.lines_with(secret), [""; 0]);
    }
}

#[tokio::test]
async fn a_use_case_is_a_span_of_its_request_with_ids_and_without_what_was_said() {
    let log = Log::default();
    let _listening = log.listen_to(FmtSpan::NEW);
    let world = World::new();
    let id = world.open("alpine").await;
    log.0.lock().expect("no panic").clear();
    world.say(&carl(), id, "a-secret-text").await;
    let reason = json!({"reason": "a-secret-reason"});
    world
        .post(&carl(), &format!("/messages/conversations/{id}/reports"), reason)
        .await;
    let begun = log.lines_with(&format!("send_message{{user_id=carl conversation_id={id}}}: "));
    assert_eq!(begun.len(), 1);
    assert!(
        begun[0].contains("request{method=POST path=\"/messages\""),
        "{begun:?}"
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
    let _listening = log.listen();
    let world = World::new();
    for (kind, level) in [
        (StoreErrorKind::Internal, "ERROR"),
        (StoreErrorKind::OutcomeUnknown, " WARN"),
    ] {
        log.0.lock().expect("no panic").clear();
        world.store.fail(Fault::All(kind));
        let answer = world.get(&carl(), "/messages/unread").await;
        let lines = log.lines_with("own words");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(level) && lines[0].contains(answer.header("x-request-id").expect("an id")));
    }
}

#[tokio::test]
async fn a_panic_is_logged_without_what_it_said() {
    let log = Log::default();
    let _listening = log.listen();
    let world = World::new();
    world.store.fail(Fault::Panic);
    world.get(&carl(), "/messages/unread").await;
    assert_eq!(log.lines_with("panic").len(), 1);
    assert_eq!(log.lines_with("own words").len(), 0);
}

#[tokio::test]
async fn a_host_that_puts_another_type_on_the_request_is_told_once() {
    let log = Log::default();
    let _listening = log.listen();
    let world = World::new();
    for _ in 0..2 {
        let nothing = Request::get("/messages/unread");
        let wrong = Request::get("/messages/unread").extension(std::sync::Arc::new(carl()));
        for request in [nothing, wrong] {
            let refused = world.request(request.body("".into()).expect("a request")).await;
            assert_eq!(refused.refusal(), (401, "unauthenticated".to_owned()));
        }
    }
    assert_eq!(log.lines_with("carries no actor").len(), 1);
    assert_eq!(log.lines_with("carries `Arc<Actor>` and no actor").len(), 1);
}
