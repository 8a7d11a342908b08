//! The access matrix: the outcome of every route and channel for every kind of caller. A change of permissions and a
//! new route change the snapshot.

use std::{collections::BTreeSet, fmt::Write as _};

use axum::http::{Method, Request, header::CONTENT_TYPE};
use messaging_axum::HttpOptions;
use messaging_core::{Actor, AgentId, ConversationId, Role, UserId};
use serde_json::{Value, json};

use crate::support::{Devices, TestApp, TestResponse, ada, all_capabilities, bob, carl, eve, root};

/// Carl's conversation with Ada, with a message from each and a report by Carl.
struct Scenario {
    app: TestApp,
    id: ConversationId,
    /// Ada's message.
    message: String,
    report: String,
}

impl Scenario {
    async fn new() -> Self {
        let app = TestApp::with(HttpOptions::default(), |parts| parts.push(Devices));
        let id = app.open("alpine").await;
        app.send_text(&carl(), id, "Is routed snow?").await;
        let message = app.send_text(&ada(), id, "Yes").await;
        let path = format!("/messages/conversations/{id}/reports");
        let report = app.post(&carl(), &path, json!({"reason": "rude"})).await;
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        Self {
            id,
            message: text(&message["id"]),
            report: text(&report.data()["id"]),
            app,
        }
    }

    /// A request for every route.
    fn requests(&self) -> Vec<(Method, &'static str, String, Option<Value>)> {
        let Self {
            id, message, report, ..
        } = self;
        let get = |route, query: String| (Method::GET, route, query, None);
        let bare = |method, route: &'static str| (method, route, String::new(), None);
        let post = |route, body| (Method::POST, route, String::new(), Some(body));
        vec![
            get("/messages", format!("?conversationId={id}")),
            post("/messages", json!({"conversationId": id, "content": "Hello"})),
            get("/messages/conversations", String::new()),
            post("/messages/conversations", json!({"agentId": "alpine"})),
            bare(Method::GET, "/messages/conversations/{id}"),
            bare(Method::PUT, "/messages/conversations/{id}/block"),
            bare(Method::DELETE, "/messages/conversations/{id}/block"),
            post("/messages/conversations/{id}/reports", json!({"reason": "rude"})),
            get("/messages/unread", String::new()),
            post("/messages/read", json!({"conversationId": id, "upTo": message})),
            post("/messages/typing", json!({"conversationId": id, "typing": true})),
            get("/pusher/beams-auth", "?user_id=carl".to_owned()),
            bare(Method::PUT, "/messages/admin/conversations/{id}/close"),
            bare(Method::DELETE, "/messages/admin/conversations/{id}/close"),
            get(
                "/messages/admin/activity",
                "?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&bucket=day".to_owned(),
            ),
            get("/messages/admin/audit", String::new()),
            get("/messages/admin/reports", String::new()),
            get("/messages/admin/reports/{id}", String::new()),
            post("/messages/admin/reports/{id}/resolve", json!({})),
            post("/messages/admin/reports/{id}/dismiss", json!({})),
            post("/pusher/user-auth", json!({"socket_id": "1234.5678"})),
            post("/pusher/webhooks", json!({})),
            get("/messages/openapi.json", String::new()),
        ]
        .into_iter()
        .map(|(method, route, query, body)| {
            let named: &dyn std::fmt::Display = if route.contains("reports/{id}") {
                report
            } else {
                id
            };
            let path = route.replace("{id}", &named.to_string());
            (method, route, path + &query, body)
        })
        .collect()
    }

    /// The channels of the conversation and of its client, and a channel of the host.
    fn channels(&self) -> [(&'static str, String); 4] {
        let id = self.id;
        [
            ("private-conversation-{id}", format!("private-conversation-{id}")),
            (
                "presence-conversation-{id}",
                format!("presence-conversation-{id}"),
            ),
            ("private-user-carl", "private-user-carl".to_owned()),
            ("private-orders", "private-orders".to_owned()),
        ]
    }

    async fn send_request(&self, actor: Option<&Actor>, index: usize) -> TestResponse {
        let (method, _, path, body) = self.requests().swap_remove(index);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/json");
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        match actor {
            Some(actor) => self.app.request_as(actor, request, body).await,
            None => {
                self.app
                    .request(request.body(body.into()).expect("a request"))
                    .await
            }
        }
    }

    async fn subscribe(&self, actor: Option<&Actor>, channel: &str) -> TestResponse {
        let request = Request::post("/pusher/auth").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let form = format!("socket_id=1234.5678&channel_name={channel}");
        match actor {
            Some(actor) => self.app.request_as(actor, request, form).await,
            None => {
                self.app
                    .request(request.body(form.into()).expect("a request"))
                    .await
            }
        }
    }
}

/// The state of the conversation.
#[derive(Debug, Clone, Copy)]
enum State {
    Open,
    Blocked,
    Closed,
}

/// Every kind of caller, and the state of the conversation for its request.
fn callers() -> Vec<(&'static str, Option<Actor>, State)> {
    let as_admin = |user: &str| Actor::new(UserId::parse(user).expect("an id"), Role::Admin);
    let as_agent = |user: &str, agent: &str| {
        let agent_id = AgentId::parse(agent).expect("an id");
        Actor::new(UserId::parse(user).expect("an id"), Role::Agent { agent_id })
    };
    vec![
        ("no login", None, State::Open),
        ("another client", Some(eve()), State::Open),
        ("another agent", Some(bob()), State::Open),
        (
            "another user in the agent's role",
            Some(as_agent("mallory", "alpine")),
            State::Open,
        ),
        ("the client", Some(carl()), State::Open),
        ("the agent", Some(ada()), State::Open),
        (
            "the agent's user for another agent",
            Some(as_agent("ada", "bergsport")),
            State::Open,
        ),
        ("an admin", Some(root()), State::Open),
        ("the client as an admin", Some(as_admin("carl")), State::Open),
        ("the client, blocked", Some(carl()), State::Blocked),
        ("the agent, blocking", Some(ada()), State::Blocked),
        ("the client, conversation closed", Some(carl()), State::Closed),
        ("an admin, conversation closed", Some(root()), State::Closed),
    ]
}

/// A scenario with the conversation in this state.
async fn scenario(state: State) -> Scenario {
    let scenario = Scenario::new().await;
    let id = scenario.id;
    match state {
        State::Open => {}
        State::Blocked => drop(
            scenario
                .app
                .put(&ada(), &format!("/messages/conversations/{id}/block"))
                .await,
        ),
        State::Closed => {
            let path = format!("/messages/admin/conversations/{id}/close");
            drop(scenario.app.put(&root(), &path).await);
        }
    }
    scenario
}

fn outcome(response: &TestResponse) -> String {
    if response.status < 300 {
        return response.status.to_string();
    }
    let (status, code) = response.error();
    format!("{status} {code}")
}

#[tokio::test]
async fn permissions_match_the_snapshot() {
    let mut table = String::new();
    let mut row = |what: &str, response: Option<&TestResponse>| {
        match response {
            None => writeln!(table, "{what}"),
            Some(response) => writeln!(table, "  {what:<36}{}", outcome(response)),
        }
        .expect("writing to a string succeeds");
    };
    let reference = Scenario::new().await;
    for (index, (method, route, ..)) in reference.requests().into_iter().enumerate() {
        row(&format!("{method} {route}"), None);
        for (caller, actor, state) in callers() {
            // A new scenario for each request, so that requests do not affect each other.
            let response = scenario(state).await.send_request(actor.as_ref(), index).await;
            row(caller, Some(&response));
        }
    }
    for (index, (channel, _)) in reference.channels().into_iter().enumerate() {
        row(channel, None);
        for (caller, actor, state) in callers() {
            let scenario = scenario(state).await;
            let response = scenario
                .subscribe(actor.as_ref(), &scenario.channels()[index].1)
                .await;
            row(caller, Some(&response));
        }
    }
    insta::assert_snapshot!(table);
}

/// The matrix covers every operation of the OpenAPI document, and the document covers every method of a path.
#[tokio::test]
async fn the_matrix_covers_every_route() {
    let scenario = Scenario::new().await;
    let mut requested: BTreeSet<_> = scenario
        .requests()
        .into_iter()
        .map(|(method, route, ..)| (route.to_owned(), method.to_string()))
        .collect();
    requested.insert(("/pusher/auth".to_owned(), Method::POST.to_string()));
    let document = messaging_axum::openapi(&all_capabilities(), &HttpOptions::default());
    let document = serde_json::to_value(document).expect("the document serialises");
    let (mut described, mut routed) = (BTreeSet::new(), BTreeSet::new());
    for (path, item) in document["paths"].as_object().expect("paths") {
        let operations = item.as_object().expect("operations").keys();
        described.extend(operations.map(|method| (path.clone(), method.to_uppercase())));
        let named = path.replace("{id}", &scenario.id.to_string());
        let refused = scenario.app.request_as(&root(), Request::patch(named), "").await;
        assert_eq!(refused.status, 405, "{path}");
        let methods = refused.header("allow").expect("a path has methods").split(',');
        let methods = methods.filter(|method| *method != "HEAD");
        routed.extend(methods.map(|method| (path.clone(), method.to_owned())));
    }
    assert_eq!(routed, described);
    assert_eq!(requested, described);
}
