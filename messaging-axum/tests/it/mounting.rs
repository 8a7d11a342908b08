//! Mounted routes: those that the store supports and the host has not left out.

use std::collections::BTreeSet;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
    routing::post,
};
use messaging_axum::{HttpOptions, Route};
use messaging_core::Messaging;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{
    BareStore, Devices, People, TestApp, TestResponse, UNKNOWN_ID, all_capabilities, carl, root,
};

async fn ask(app: &Router, method: Method, path: &str) -> TestResponse {
    let request = Request::builder().method(method).uri(path).extension(root());
    let request = request.body(Body::empty()).expect("a request");
    let Ok(response) = app.clone().oneshot(request).await;
    TestResponse::read(response).await
}

/// Methods and paths of a document.
fn operations(document: &Value) -> BTreeSet<(Method, String)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("operations").keys();
        methods.map(|method| (method.to_uppercase().parse().expect("a method"), path.clone()))
    });
    operations.collect()
}

fn documented(options: &HttpOptions) -> BTreeSet<(Method, String)> {
    let document = messaging_axum::openapi(&all_capabilities(), options);
    operations(&serde_json::to_value(document).expect("the document serialises"))
}

#[tokio::test]
async fn a_host_serves_a_route_of_its_own_beside_ours_on_the_same_path() {
    let app = TestApp::with(HttpOptions::default().without(Route::SendMessage), |parts| parts);
    let own = post(async || (StatusCode::ACCEPTED, "the host's"));
    let own = Router::new().route("/messages", own);
    for router in [
        app.router.clone().merge(own.clone()),
        own.merge(app.router.clone()),
    ] {
        let router = Router::new().nest("/api", router);
        let sent = ask(&router, Method::POST, "/api/messages").await;
        assert_eq!((sent.status, sent.text.as_str()), (202, "the host's"));
        assert_eq!(sent.header("x-request-id"), None);
        let path = format!("/api/messages?conversationId={UNKNOWN_ID}");
        let read = ask(&router, Method::GET, &path).await;
        assert_eq!(read.error(), (404, "not_found".to_owned()));
        let other = ask(&router, Method::PATCH, "/api/messages").await;
        assert_eq!(other.error(), (405, "method_not_allowed".to_owned()));
    }
}

#[tokio::test]
async fn a_route_that_is_left_out_is_neither_mounted_nor_described() {
    let all = documented(&HttpOptions::default());
    assert_eq!(all.len(), Route::ALL.len());
    let mut left_out = BTreeSet::new();
    for route in Route::ALL {
        let options = HttpOptions::default().without(*route);
        let described = documented(&options);
        let missing: Vec<_> = all.difference(&described).collect();
        let [(method, path)] = missing[..] else {
            panic!("{route:?}: {missing:?}");
        };
        let app = TestApp::with(options, |parts| parts.push(Devices));
        let asked = ask(&app.router, method.clone(), &path.replace("{id}", UNKNOWN_ID)).await;
        assert!(matches!(asked.status, 404 | 405), "{route:?}: {asked:?}");
        assert!(
            asked.status == 405 || asked.text.is_empty(),
            "{route:?}: {asked:?}"
        );
        left_out.insert((method.clone(), path.clone()));
    }
    assert_eq!(left_out, all, "one route each");
}

#[tokio::test]
async fn a_store_without_capabilities_serves_routes_that_need_none() {
    let (messaging, _workers) = Messaging::builder(BareStore::default(), People)
        .build()
        .expect("the parts fit");
    let app: Router = messaging_axum::routes(&messaging, HttpOptions::default()).all();
    let served = ask(&app, Method::GET, "/messages/openapi.json").await.json();
    let mounted = operations(&served);

    let needs = Route::ALL
        .iter()
        .filter(|route| !route.required_capabilities().is_empty());
    assert_eq!(mounted.len(), Route::ALL.len() - needs.count());
    for (method, path) in documented(&HttpOptions::default()) {
        let asked = ask(&app, method.clone(), &path.replace("{id}", UNKNOWN_ID)).await;
        let is_mounted = mounted.contains(&(method.clone(), path.clone()));
        // A mounted route never fails for a missing capability.
        assert_ne!(asked.status, 500, "{method} {path}");
        assert_eq!(!asked.text.is_empty(), is_mounted, "{method} {path}: {asked:?}");
    }
    let listed = ask(&app, Method::GET, "/messages/conversations").await;
    assert_eq!(listed.error(), (403, "forbidden".to_owned()), "no audit log");
}

#[tokio::test]
async fn participants_converse_on_a_store_without_capabilities() {
    let (messaging, _workers) = Messaging::builder(BareStore::default(), People)
        .build()
        .expect("the parts fit");
    let app: Router = messaging_axum::routes(&messaging, HttpOptions::default()).all();
    let request = Request::post("/messages/conversations")
        .header("content-type", "application/json")
        .extension(carl())
        .body(Body::from(json!({"agentId": "alpine"}).to_string()))
        .expect("a request");
    let Ok(opened) = app.oneshot(request).await;
    assert_eq!(opened.status(), StatusCode::CREATED);
}
