#![no_main]
//! Requests: whatever a caller sends is answered in the envelope, and never with a mistake of ours.

use std::sync::{LazyLock, Mutex};

use axum::{
    Router,
    body::Body,
    http::{Request, header::CONTENT_TYPE},
};
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use messaging_axum::HttpOptions;
use messaging_core::{Actor, Messaging, OpenConversation, Role, UserId};
use messaging_testkit::{
    fake::FakeDirectory,
    make::{agency_id, agent, client},
};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

struct World {
    runtime: Runtime,
    app: Router,
    id: String,
}

static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (messaging, _workers) = Messaging::in_memory(FakeDirectory::new()).build().unwrap();
    let open = OpenConversation::new(agency_id(1));
    let opened = runtime.block_on(messaging.open_conversation(&client(1), &open)).expect("it opens");
    let app = messaging_axum::routes(&messaging, HttpOptions::default()).all();
    Mutex::new(World {
        runtime,
        app,
        id: opened.conversation.id().to_string(),
    })
});

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A method, a path, and the content type of its body; `{id}` is a conversation's.
const ROUTES: [(&str, &str, &str); 15] = [
    ("POST", "/messages", JSON),
    ("POST", "/messages/conversations", JSON),
    ("POST", "/messages/read", JSON),
    ("POST", "/messages/typing", JSON),
    ("POST", "/messages/conversations/{id}/reports", JSON),
    ("POST", "/messages/admin/reports/{id}/resolve", JSON),
    ("POST", "/pusher/auth", FORM),
    ("POST", "/pusher/webhooks", JSON),
    ("GET", "/messages?conversationId={id}&", ""),
    ("GET", "/messages?", ""),
    ("GET", "/messages/conversations?", ""),
    ("GET", "/messages/conversations/", ""),
    ("GET", "/messages/admin/activity?", ""),
    ("GET", "/messages/admin/reports?", ""),
    ("GET", "/messages/admin/audit?", ""),
];

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (route, caller, bytes) = input;
    let world = WORLD.lock().expect("no panic before this one");
    let (method, path, content_type) = ROUTES[usize::from(route) % ROUTES.len()];
    let path = path.replace("{id}", &world.id);
    let (path, body) = if content_type.is_empty() {
        let Ok(rest) = std::str::from_utf8(bytes) else { return };
        (path + rest, Vec::new())
    } else {
        // In a text, the conversation's id may be named.
        let named = std::str::from_utf8(bytes).map(|text| text.replace("ID", &world.id).into_bytes());
        (path, named.unwrap_or_else(|_| bytes.to_vec()))
    };
    let actor = match caller % 3 {
        0 => client(1),
        1 => agent(1),
        _ => Actor::new(UserId::parse("root").expect("an id"), Role::Admin),
    };
    let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, content_type);
    // What is no URI does not come so far.
    let Ok(request) = request.extension::<Actor>(actor).body(Body::from(body)) else { return };
    world.runtime.block_on(async {
        let Ok(answer) = world.app.clone().oneshot(request).await;
        let status = answer.status();
        let text = answer.into_body().collect().await.expect("a body").to_bytes();
        assert!(status.as_u16() < 500, "{status}: {text:?}");
        if !text.is_empty() {
            let json: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
            assert!(status.is_success() || json["success"] == false, "{json}");
        }
    });
});
