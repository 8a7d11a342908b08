//! Any request receives a response of the OpenAPI document, which the fixture checks, and none is an internal error.

use axum::http::{Method, Request, header::CONTENT_TYPE};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};
use tokio::runtime::Builder;

use crate::support::{TestApp, ada, carl, eve, root};

const ROUTES: [(&str, &str); 10] = [
    ("POST", "/messages"),
    ("POST", "/messages/conversations"),
    ("POST", "/messages/read"),
    ("POST", "/messages/typing"),
    ("POST", "/messages/conversations/{id}/reports"),
    ("POST", "/messages/admin/reports/{id}/resolve"),
    ("POST", "/pusher/auth"),
    ("POST", "/pusher/user-auth"),
    ("POST", "/pusher/webhooks"),
    ("PUT", "/messages/conversations/{id}/block"),
];

const LISTS: [&str; 6] = [
    "/messages",
    "/messages/conversations",
    "/messages/admin/activity",
    "/messages/admin/audit",
    "/messages/admin/reports",
    "/pusher/beams-auth",
];

const FIELDS: [&str; 22] = [
    "agentId",
    "after",
    "bookingId",
    "bucket",
    "clientMessageId",
    "content",
    "conversationId",
    "cursor",
    "from",
    "limit",
    "markRead",
    "messageId",
    "note",
    "page",
    "presence",
    "reason",
    "socketId",
    "status",
    "to",
    "typing",
    "tz",
    "upTo",
];

/// `ID` is a placeholder for the id of an existing conversation.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("ID".to_owned()),
        1 => select(vec!["alpine", "true", "1", "100", "day", "UTC", "open", "2026-01-02T03:04:05Z"]).prop_map(str::to_owned),
        2 => any::<String>(),
        1 => "[A-Za-z0-9_-]{0,40}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => text().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!([])),
        1 => Just(json!({"a": []})),
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let object = prop::collection::vec((select(&FIELDS[..]), value()), 0..6).prop_map(|fields| {
        let fields: Map<_, _> = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Value::from(fields).to_string().into_bytes()
    });
    prop_oneof![
        5 => object,
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => Just(b"socket_id=1234.5678&channel_name=private-conversation-ID".to_vec()),
    ]
}

fn query() -> impl Strategy<Value = String> {
    let encoded = |text: String| {
        let bytes: Vec<_> = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        bytes.concat()
    };
    let pair = (select(&FIELDS[..]), text()).prop_map(move |(name, text)| {
        // The placeholder is replaced later.
        let text = if text == "ID" { text } else { encoded(text) };
        format!("{name}={text}")
    });
    prop_oneof![
        4 => prop::collection::vec(pair, 0..5).prop_map(|pairs| pairs.join("&")),
        1 => "[!-~]{0,60}",
    ]
}

/// Sends the request as each kind of caller and checks that no response is an internal error.
fn send(method: &str, path: &str, content_type: &str, body: &[u8]) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let app = TestApp::new();
        let id = app.open("alpine").await.to_string();
        let path = path.replace("{id}", &id).replace("ID", &id);
        let body = std::str::from_utf8(body)
            .map_or_else(|_| body.to_vec(), |text| text.replace("ID", &id).into_bytes());
        for actor in [carl(), ada(), eve(), root()] {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let request = Request::builder()
                .method(method)
                .uri(&path)
                .header(CONTENT_TYPE, content_type);
            let Ok(request) = request.extension(actor).body(body.clone().into()) else {
                // Not a valid URI.
                return;
            };
            let response = app.request(request).await;
            assert!(response.status < 500, "{path}: {response:?}");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_body_receives_a_documented_response(
        (method, path) in select(&ROUTES[..]),
        is_form in any::<bool>(),
        body in body(),
    ) {
        let content_type = if is_form { "application/x-www-form-urlencoded" } else { "application/json" };
        send(method, path, content_type, &body);
    }

    #[test]
    fn any_query_receives_a_documented_response(path in select(&LISTS[..]), query in query()) {
        send("GET", &format!("{path}?{query}"), "text/plain", b"");
    }

    #[test]
    fn any_id_in_a_path_receives_a_documented_response(id in "[!-~]{1,40}") {
        let id = id.replace(['?', '#'], "");
        send("GET", &format!("/messages/conversations/{id}"), "text/plain", b"");
    }
}
