//! Invalid requests, one row for each case. None of them changes anything.

use axum::http::{Method, Request, header::CONTENT_TYPE};
use insta::assert_snapshot;
use messaging_axum::HttpOptions;
use messaging_core::Actor;
use serde_json::json;

use crate::support::{Case, TestApp, ada, carl, check, eve, root};

const SEND: &str = "/messages";
const LIST: &str = "/messages/conversations";

const INVALID: (u16, &str) = (400, "validation_failed");
const CURSOR: (u16, &str) = (400, "invalid_cursor");

#[tokio::test]
async fn bodies() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let hello = json!({"conversationId": id, "content": "Hello"});
    let send = |name, body: serde_json::Value| Case::post(name, SEND, body, INVALID);
    let content = |name, text: &str| send(name, json!({"conversationId": id, "content": text}));
    let rows = check(
        &app,
        vec![
            Case::post("malformed JSON", SEND, "{", INVALID),
            Case::post("no body", SEND, "", INVALID),
            Case::post("two JSON values", SEND, format!("{hello} {hello}"), INVALID),
            Case::post("invalid UTF-8", SEND, "", INVALID).with_bytes(b"{\"content\": \"\xff\"}"),
            Case::post(
                "an unpaired surrogate in an id and a key",
                SEND,
                format!(
                    r#"{{"conversationId": "{id}\ud800", "content": "Hello", "clientMessageId": "k\ud800"}}"#
                ),
                INVALID,
            ),
            Case::post(
                "an incomplete surrogate escape",
                SEND,
                r#"{"content": "\ud80"}"#,
                INVALID,
            ),
            Case::post(
                "a deeply nested value",
                SEND,
                format!("{{\"x\": {}", "[".repeat(10_000)),
                INVALID,
            ),
            send("an array", json!([id, "Hello"])),
            send("null", json!(null)),
            send("a string", json!("Hello")),
            send("missing fields", json!({})),
            send(
                "fields that are null",
                json!({"conversationId": null, "content": null}),
            ),
            send(
                "fields in another case",
                json!({"conversationid": id, "Content": "Hello"}),
            ),
            send(
                "fields of other types",
                json!({"conversationId": 7, "content": ["Hello"], "clientMessageId": {}}),
            ),
            content("empty content", ""),
            content("blank content", " \t\r\n\u{a0}\u{3000}"),
            content("content of control characters", "\0\u{1}\u{7f}\u{85}"),
            content("invisible content", "\u{200b}\u{202e}\u{2800}"),
            content("2,001 characters", &"a".repeat(2001)),
            content("2,001 emoji", &"😀".repeat(2001)),
            content("2,001 combining marks", &format!("a{}", "\u{321}".repeat(2000))),
            content("2,001 characters from right to left", &"ש".repeat(2001)),
            Case::post(
                "a body over the limit",
                SEND,
                json!({"content": "a".repeat(64 * 1024)}),
                (413, "payload_too_large"),
            ),
            Case::post("no content type", SEND, &hello, (415, "unsupported_media_type"))
                .with_content_type(None),
            Case::post("a form", SEND, "content=Hello", (415, "unsupported_media_type"))
                .with_content_type(Some("application/x-www-form-urlencoded")),
            Case::post("text", SEND, &hello, (415, "unsupported_media_type"))
                .with_content_type(Some("text/plain")),
            Case::post("opening without an agent", LIST, "{}", INVALID),
            Case::post(
                "invalid ids",
                LIST,
                json!({"agentId": "a b", "bookingId": ""}),
                INVALID,
            ),
            Case::post(
                "an id that is too long",
                LIST,
                json!({"agentId": "a".repeat(256)}),
                INVALID,
            ),
            Case::post("marking without fields", "/messages/read", "{}", INVALID),
            Case::post("typing without fields", "/messages/typing", "{}", INVALID),
            Case::post(
                "typing as a string",
                "/messages/typing",
                json!({"conversationId": id, "typing": "true"}),
                INVALID,
            ),
            Case::post(
                "an invalid socket id",
                "/messages/typing",
                json!({"conversationId": id, "typing": true, "socketId": "1"}),
                INVALID,
            ),
        ],
    )
    .await;
    assert_snapshot!(rows);
}

#[tokio::test]
async fn keys() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let body = |key: &str| json!({"conversationId": id, "content": "Hello", "clientMessageId": key});
    let sent = app.post(&carl(), SEND, body("used")).await;
    assert_eq!(sent.status, 201);
    let other = json!({"conversationId": id, "content": "Another text", "clientMessageId": "used"});
    let rows = check(
        &app,
        vec![
            Case::post("an empty key", SEND, body(""), INVALID),
            Case::post("a long key", SEND, body(&"k".repeat(65)), INVALID),
            Case::post("a key with a space", SEND, body("a b"), INVALID),
            Case::post("a key with an accent", SEND, body("é"), INVALID),
            Case::post(
                "an empty header",
                SEND,
                json!({"conversationId": id, "content": "Hello"}),
                INVALID,
            )
            .with_header("Idempotency-Key", b""),
            Case::post(
                "a header that is not ASCII",
                SEND,
                json!({"conversationId": id, "content": "Hello"}),
                INVALID,
            )
            .with_header("Idempotency-Key", b"\xe9"),
            Case::post(
                "two headers",
                SEND,
                json!({"conversationId": id, "content": "Hello"}),
                INVALID,
            )
            .with_header("Idempotency-Key", b"a")
            .with_header("Idempotency-Key", b"b"),
            Case::post("two different keys", SEND, body("a"), INVALID).with_header("Idempotency-Key", b"b"),
            Case::post(
                "the same key with another text",
                SEND,
                &other,
                (409, "idempotency_conflict"),
            ),
        ],
    )
    .await;
    assert_snapshot!(rows);
}

#[tokio::test]
async fn ids() {
    let app = TestApp::new();
    let id = app.open("alpine").await.to_string();
    let simple = id.replace('-', "");
    let mut cases = Vec::new();
    for (name, bad) in [
        ("an id that is a number", "7"),
        ("an id without hyphens", simple.as_str()),
        ("an id with a quote", "%27%20OR%201%3D1--"),
        ("an id that is not UTF-8", "%ff"),
        ("an id with a null byte", "%00"),
    ] {
        let block = format!("{LIST}/{bad}/block");
        let close = format!("/messages/admin/conversations/{bad}/close");
        let send = json!({"conversationId": bad, "content": "Hello"});
        let read = json!({"conversationId": id, "upTo": bad});
        let typing = json!({"conversationId": bad, "typing": true});
        cases.extend([
            Case::get(name, format!("{LIST}/{bad}"), INVALID),
            Case::new(name, Method::PUT, &block, INVALID),
            Case::new(name, Method::DELETE, &block, INVALID),
            Case::new(name, Method::PUT, &close, INVALID).with_actor(root()),
            Case::new(name, Method::DELETE, &close, INVALID).with_actor(root()),
            Case::get(name, format!("{SEND}?conversationId={bad}"), INVALID),
            Case::post(name, SEND, send, INVALID),
            Case::post(name, "/messages/read", read, INVALID),
            Case::post(name, "/messages/typing", typing, INVALID),
        ]);
    }
    cases.push(Case::get("no id", SEND, INVALID));
    cases.push(Case::get(
        "two ids",
        format!("{SEND}?conversationId={id}&conversationId={id}"),
        INVALID,
    ));
    assert_snapshot!(check(&app, cases).await);
}

#[tokio::test]
async fn queries() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let mut cases = Vec::new();
    for (name, limit) in [
        ("limit 0", "0"),
        ("limit -1", "-1"),
        ("limit 1000", "1000"),
        ("a limit in letters", "abc"),
        ("a fractional limit", "1.5"),
        ("an empty limit", ""),
    ] {
        cases.push(Case::get(
            name,
            format!("{SEND}?conversationId={id}&limit={limit}"),
            INVALID,
        ));
        cases.push(Case::get(name, format!("{LIST}?limit={limit}"), INVALID));
    }
    for (name, page) in [
        ("page 0", "page=0"),
        ("a page in letters", "page=abc"),
        ("page -1", "page=-1"),
        ("an empty page", "page="),
        ("a page beyond 10,000 items", "page=501"),
        ("a page beyond 10,000 items", "page=101&limit=100"),
        ("a huge page", "page=18446744073709551615"),
        ("page and cursor", "page=1&cursor=AAAA"),
        ("page and limit", "page=0&limit=0"),
        ("an invalid presence", "presence=1"),
    ] {
        cases.push(Case::get(name, format!("{LIST}?{page}"), INVALID));
    }
    let history = |more: &str| format!("{SEND}?conversationId={id}&{more}");
    cases.push(Case::get("an invalid markRead", history("markRead=yes"), INVALID));
    cases.push(Case::get("an empty markRead", history("markRead="), INVALID));
    cases.push(Case::get(
        "cursor and after",
        history("cursor=a&after=b"),
        INVALID,
    ));
    cases.push(Case::get(
        "all at once",
        "/messages?conversationId=x&limit=0&markRead=1&cursor=a&after=b",
        INVALID,
    ));
    assert_snapshot!(check(&app, cases).await);
}

#[tokio::test]
async fn cursors() {
    let app = TestApp::new();
    let (id, other) = (app.open("alpine").await, app.open("bergsport").await);
    for conversation in [id, other] {
        app.send_text(&carl(), conversation, "one").await;
        app.send_text(&carl(), conversation, "two").await;
    }
    let of_history = async |id| {
        let page = app.history(&carl(), id, "&limit=1&markRead=false").await.data();
        page["nextCursor"].as_str().expect("a cursor").to_owned()
    };
    let of_list = async |actor: Actor| {
        let page = app.get(&actor, &format!("{LIST}?limit=1")).await.meta();
        page["nextCursor"].as_str().expect("a cursor").to_owned()
    };
    app.open_as(&eve(), "alpine").await;
    let (own, others, list, list_of_ada) = (
        of_history(id).await,
        of_history(other).await,
        of_list(carl()).await,
        of_list(ada()).await,
    );
    let another_version = format!("Am{}", &own[2..]);
    let longer = format!("{own}AA");
    let mut cases = Vec::new();
    for (name, cursor) in [
        ("an empty cursor", ""),
        ("garbage", "!!!"),
        ("a time", "2026-01-01T00:00:00.000Z"),
        ("a truncated cursor", &own[..10]),
        ("a cursor with a suffix", &longer),
        ("another version", &another_version),
        ("a cursor of another conversation", &others),
        ("a cursor of a list", &list),
    ] {
        cases.push(Case::get(
            name,
            format!("{SEND}?conversationId={id}&cursor={cursor}"),
            CURSOR,
        ));
        cases.push(Case::get(
            name,
            format!("{SEND}?conversationId={id}&after={cursor}"),
            CURSOR,
        ));
    }
    for (name, cursor) in [
        ("garbage", "!!!"),
        ("a cursor of another caller", &list_of_ada),
        ("a cursor of a history", &own),
    ] {
        cases.push(Case::get(name, format!("{LIST}?cursor={cursor}"), CURSOR));
    }
    assert_snapshot!(check(&app, cases).await);
}

#[tokio::test]
async fn callers() {
    let app = TestApp::new();
    let (id, closed) = (app.open("alpine").await, app.open("bergsport").await);
    app.put(&ada(), &format!("{LIST}/{id}/block")).await;
    app.put(&root(), &format!("/messages/admin/conversations/{closed}/close"))
        .await;
    let blocked = json!({"conversationId": id, "content": "Hello"});
    let unauthenticated = (401, "unauthenticated");
    let rows = check(
        &app,
        vec![
            Case::get("listing, no login", LIST, unauthenticated).unauthenticated(),
            Case::get(
                "listing with an invalid query, no login",
                format!("{LIST}?limit=0"),
                unauthenticated,
            )
            .unauthenticated(),
            Case::get(
                "reading, no login",
                format!("{SEND}?conversationId={id}"),
                unauthenticated,
            )
            .unauthenticated(),
            Case::get("counting, no login", "/messages/unread", unauthenticated).unauthenticated(),
            Case::get("getting one, no login", format!("{LIST}/{id}"), unauthenticated).unauthenticated(),
            Case::post(
                "opening, no login",
                LIST,
                json!({"agentId": "alpine"}),
                unauthenticated,
            )
            .unauthenticated(),
            Case::post("sending, no login", SEND, &blocked, unauthenticated).unauthenticated(),
            Case::post("sending invalid JSON, no login", SEND, "{", unauthenticated).unauthenticated(),
            Case::post("marking, no login", "/messages/read", "{}", unauthenticated).unauthenticated(),
            Case::post("typing, no login", "/messages/typing", "{}", unauthenticated).unauthenticated(),
            Case::post(
                "a client outside the conversation",
                SEND,
                &blocked,
                (404, "not_found"),
            )
            .with_actor(eve()),
            Case::post("an admin", SEND, &blocked, (403, "forbidden")).with_actor(root()),
            Case::post("a blocked sender", SEND, &blocked, (403, "conversation_blocked")),
            Case::post(
                "a closed conversation",
                SEND,
                json!({"conversationId": closed, "content": "Hello"}),
                (403, "conversation_closed"),
            ),
        ],
    )
    .await;
    assert_snapshot!(rows);
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let body =
        json!({"conversationId": id, "content": "Hello", "senderId": "eve", "createdAt": 0, "x": {"y": [1]}});
    let sent = app.post(&carl(), SEND, body).await;
    assert_eq!((sent.status, &sent.data()["senderId"]), (201, &json!("carl")));
    let list = app.get(&carl(), &format!("{LIST}?x=1&x=2")).await;
    assert_eq!(list.status, 200);
}

#[tokio::test]
async fn the_host_can_set_another_body_limit() {
    let app = TestApp::with(HttpOptions::default().with_body_limit(100), |parts| parts);
    let id = app.open("alpine").await;
    let body = json!({"conversationId": id, "content": "a".repeat(100)});
    let refused = app.post(&carl(), SEND, body).await;
    assert_eq!(refused.error(), (413, "payload_too_large".to_owned()));
}

#[tokio::test]
async fn details_name_every_invalid_field() {
    let app = TestApp::new();
    let refused = app
        .post(&carl(), SEND, json!({"conversationId": 7, "content": " "}))
        .await;
    assert_snapshot!(refused.to_snapshot());
}

#[tokio::test]
async fn an_unpaired_surrogate_is_stored_as_the_replacement_character() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let send = async |content: &str| {
        let body = format!(r#"{{"conversationId": "{id}", "content": "{content}"}}"#);
        let request = Request::post(SEND).header(CONTENT_TYPE, "application/json");
        let sent = app.request_as(&carl(), request, body).await;
        assert_eq!(sent.status, 201, "{sent:?}");
        sent.data()["content"].clone()
    };
    assert_eq!(send(r"See you \ud83d").await, "See you \u{fffd}");
    assert_eq!(send(r"\ude00 hello").await, "\u{fffd} hello");
    assert_eq!(send(r"\ud83d\ude00").await, "\u{1f600}");
    let report = Request::post(format!("{LIST}/{id}/reports")).header(CONTENT_TYPE, "application/json");
    let reported = app
        .request_as(&carl(), report, r#"{"reason": "spam \ud83d"}"#)
        .await;
    assert_eq!(reported.status, 201, "{reported:?}");
    let reports = app.get(&root(), "/messages/admin/reports").await;
    assert!(reports.text.contains("spam \u{fffd}"), "{reports:?}");
    let report = reports.json()["data"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let resolve = Request::post(format!("/messages/admin/reports/{report}/resolve"))
        .header(CONTENT_TYPE, "application/json");
    let resolved = app
        .request_as(&root(), resolve, r#"{"note": "\ud83d done"}"#)
        .await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
}

#[tokio::test]
async fn a_byte_order_mark_is_ignored() {
    let app = TestApp::new();
    let id = app.open("alpine").await;
    let body = format!("\u{feff}{}", json!({"conversationId": id, "content": "Hello"}));
    let request = Request::post(SEND).header(CONTENT_TYPE, "application/json");
    assert_eq!(app.request_as(&carl(), request, body).await.status, 201);
}

#[tokio::test]
async fn an_id_in_upper_case_is_accepted_and_returned_in_lower_case() {
    let app = TestApp::new();
    let id = app.open("alpine").await.to_string();
    let upper = id.to_uppercase();
    assert_ne!(id, upper);
    let sent = app
        .post(&ada(), SEND, json!({"conversationId": upper, "content": "Hello"}))
        .await;
    assert_eq!((sent.status, &sent.data()["conversationId"]), (201, &json!(id)));
    let message = sent.data()["id"].as_str().expect("an id").to_uppercase();
    let read = app
        .get(&carl(), &format!("{SEND}?conversationId={upper}&markRead=false"))
        .await;
    assert_eq!(read.data()["conversation"]["id"], id);
    let found = app.get(&carl(), &format!("{LIST}/{upper}")).await;
    assert_eq!(found.data()["id"], id);
    let mark = app
        .post(
            &carl(),
            "/messages/read",
            json!({"conversationId": upper, "upTo": message}),
        )
        .await;
    assert_eq!(mark.data()["unreadCount"], 0);
    let typing = json!({"conversationId": upper, "typing": true});
    assert_eq!(app.post(&carl(), "/messages/typing", typing).await.status, 204);
    let report = json!({"reason": "spam", "messageId": message});
    let reported = app
        .post(&carl(), &format!("{LIST}/{upper}/reports"), report)
        .await;
    assert_eq!(reported.status, 201);
    let report = reported.data()["id"].as_str().expect("an id").to_uppercase();
    assert_eq!(
        app.get(&root(), &format!("/messages/admin/reports/{report}"))
            .await
            .status,
        200
    );
    assert_eq!(
        app.put(&carl(), &format!("{LIST}/{upper}/block")).await.status,
        204
    );
    assert_eq!(
        app.delete(&carl(), &format!("{LIST}/{upper}/block")).await.status,
        204
    );
    let close = format!("/messages/admin/conversations/{upper}/close");
    assert_eq!(app.put(&root(), &close).await.status, 204);
}
