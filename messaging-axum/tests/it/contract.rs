//! The OpenAPI document. The fixture validates every response of the other tests against it.

use messaging_axum::{HttpOptions, Login, Route};
use serde_json::{Map, Value, json};

use crate::support::{Devices, TestApp, all_capabilities, carl, check_examples};

fn document(options: HttpOptions) -> Value {
    serde_json::to_value(messaging_axum::openapi(&all_capabilities(), &options))
        .expect("the document serialises")
}

#[test]
fn the_document_matches_the_snapshot() {
    insta::assert_json_snapshot!(document(
        HttpOptions::default().with_login(Login::Cookie("session"))
    ));
}

#[tokio::test]
async fn the_document_is_public() {
    let options = HttpOptions::default().with_login(Login::Bearer);
    let app = TestApp::with(options, |parts| parts.push(Devices));
    let request = axum::http::Request::get("/messages/openapi.json").body(axum::body::Body::empty());
    let served = app.request(request.expect("a request")).await;
    assert_eq!(
        (served.status, served.header("content-type")),
        (200, Some("application/json"))
    );
    assert_eq!(served.json(), document(options));
}

#[tokio::test]
async fn the_document_can_be_disabled() {
    let app = TestApp::with(HttpOptions::default().without(Route::Document), |parts| parts);
    assert_eq!(app.get(&carl(), "/messages/openapi.json").await.status, 404);
}

#[test]
fn disabled_routes_are_not_documented() {
    let options = HttpOptions::default()
        .without(Route::SetTyping)
        .without(Route::PushToken)
        .without(Route::Document);
    let paths = document(options)["paths"].clone();
    for path in ["/messages/typing", "/pusher/beams-auth", "/messages/openapi.json"] {
        assert_eq!(paths.get(path), None);
        assert!(
            document(HttpOptions::default())["paths"].get(path).is_some(),
            "{path}"
        );
    }
}

#[test]
fn the_login_scheme_is_documented() {
    for (login, expected) in [
        (Login::Bearer, json!({"type": "http", "scheme": "bearer"})),
        (
            Login::Cookie("sid"),
            json!({"type": "apiKey", "in": "cookie", "name": "sid"}),
        ),
        (
            Login::Header("x-user"),
            json!({"type": "apiKey", "in": "header", "name": "x-user"}),
        ),
    ] {
        let document = document(HttpOptions::default().with_login(login));
        let mut scheme = document["components"]["securitySchemes"]["login"].clone();
        scheme.as_object_mut().expect("a scheme").remove("description");
        assert_eq!(scheme, expected);
        assert_eq!(
            document["paths"]["/messages"]["get"]["security"],
            json!([{"login": []}])
        );
    }
    let without = document(HttpOptions::default());
    assert_eq!(without["components"]["securitySchemes"].get("login"), None);
    assert_eq!(without["paths"]["/messages"]["get"].get("security"), None);
    let webhook = &without["paths"]["/pusher/webhooks"]["post"]["security"];
    assert_eq!(*webhook, json!([{"webhookKey": [], "webhookSignature": []}]));
}

#[test]
fn all_examples_match_their_schemas() {
    let document = document(HttpOptions::default());
    let mut checked = 0;
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        let examples = schema["examples"].as_array().cloned().unwrap_or_default();
        check_examples(name, &examples);
        checked += examples.len();
    }
    for response in document["components"]["responses"]
        .as_object()
        .expect("responses")
        .values()
    {
        let examples = response["content"]["application/json"]["examples"]
            .as_object()
            .expect("examples");
        for example in examples.values() {
            check_examples("Error", &[example["value"].clone()]);
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

/// Routes, parameters and responses have a description.
#[test]
fn everything_is_described() {
    let document = document(HttpOptions::default());
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let named = format!("{method} {path}");
            assert!(
                text(&operation["summary"]) && text(&operation["operationId"]),
                "{named}"
            );
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let schema = &parameter["schema"];
                let is_known = text(&parameter["description"]) || schema.get("$ref").is_some();
                assert!(is_known || schema.get("oneOf").is_some(), "{named}: {parameter}");
            }
            for (status, response) in operation["responses"].as_object().expect("responses") {
                assert!(
                    text(&response["description"]) || response.get("$ref").is_some(),
                    "{named} {status}"
                );
            }
        }
    }
    let mut ids: Vec<_> = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|item| item.as_object().into_iter().flat_map(Map::values))
        .map(|operation| operation["operationId"].to_string())
        .collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "operation ids are unique");
}
