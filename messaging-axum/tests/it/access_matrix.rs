//! Who may do what, on every route and channel, as it turns out when they try. A change of permissions is a change of
//! this file's snapshot, and so is a new route.

use std::{collections::BTreeSet, fmt::Write as _};

use axum::http::{Method, Request, header::CONTENT_TYPE};
use messaging_axum::HttpOptions;
use messaging_core::{Actor, AgentId, ConversationId, Role, UserId};
use serde_json::{Value, json};

use crate::support::{Answer, Devices, World, ada, bob, carl, eve, root};

/// Carl's conversation with Ada, each of whom has said something; Carl has reported it.
struct Scene {
    world: World,
    id: ConversationId,
    /// Ada's message.
    message: String,
    report: String,
}

impl Scene {
    async fn set() -> Self {
        let world = World::with(HttpOptions::default(), |parts| parts.push(Devices));
        let id = world.open("alpine").await;
        world.say(&carl(), id, "Is there snow?").await;
        let message = world.say(&ada(), id, "Yes").await;
        let path = format!("/messages/conversations/{id}/reports");
        let report = world.post(&carl(), &path, json!({"reason": "rude"})).await;
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        Self {
            id,
            message: text(&message["id"]),
            report: text(&report.data()["id"]),
            world,
        }
    }

    /// Everything that can be asked, by its route.
    fn requests(&self) -> Vec<(Method, &'static str, String, Option<Value>)> {
        let Self {
            id, message, report, ..
        } = self;
        let get = |route, query: String| (Method::GET, route, query, None);
        let of = |method, route: &'static str| (method, route, String::new(), None);
        let post = |route, body| (Method::POST, route, String::new(), Some(body));
        vec![
            get("/messages", format!("?conversationId={id}")),
            post("/messages", json!({"conversationId": id, "content": "Hello"})),
            get("/messages/conversations", String::new()),
            post("/messages/conversations", json!({"agentId": "alpine"})),
            of(Method::GET, "/messages/conversations/{id}"),
            of(Method::PUT, "/messages/conversations/{id}/block"),
            of(Method::DELETE, "/messages/conversations/{id}/block"),
            post("/messages/conversations/{id}/reports", json!({"reason": "rude"})),
            get("/messages/unread", String::new()),
            post("/messages/read", json!({"conversationId": id, "upTo": message})),
            post("/messages/typing", json!({"conversationId": id, "typing": true})),
            get("/pusher/beams-auth", "?user_id=carl".to_owned()),
            of(Method::PUT, "/messages/admin/conversations/{id}/close"),
            of(Method::DELETE, "/messages/admin/conversations/{id}/close"),
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

    /// The channels of the conversation and of its client, and one that is nobody's.
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

    async fn ask(&self, actor: Option<&Actor>, nth: usize) -> Answer {
        let (method, _, path, body) = self.requests().swap_remove(nth);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/json");
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        match actor {
            Some(actor) => self.world.ask(actor, request, body).await,
            None => {
                self.world
                    .request(request.body(body.into()).expect("a request"))
                    .await
            }
        }
    }

    async fn subscribe(&self, actor: Option<&Actor>, channel: &str) -> Answer {
        let request = Request::post("/pusher/auth").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let form = format!("socket_id=1234.5678&channel_name={channel}");
        match actor {
            Some(actor) => self.world.ask(actor, request, form).await,
            None => {
                self.world
                    .request(request.body(form.into()).expect("a request"))
                    .await
            }
        }
    }
}

/// How the conversation stands.
#[derive(Debug, Clone, Copy)]
enum State {
    Open,
    Blocked,
    Closed,
}

/// Every kind of caller, and how the conversation stands when they call.
fn callers() -> Vec<(&'static str, Option<Actor>, State)> {
    let as_admin = |user: &str| Actor::new(UserId::parse(user).expect("an id"), Role::Admin);
    let as_agent = |user: &str, agent: &str| {
        let agent_id = AgentId::parse(agent).expect("an id");
        Actor::new(UserId::parse(user).expect("an id"), Role::Agent { agent_id })
    };
    vec![
        ("nobody", None, State::Open),
        ("another client", Some(eve()), State::Open),
        ("another agent", Some(bob()), State::Open),
        (
            "somebody else in the agent's role",
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
        ("the agent, who blocks", Some(ada()), State::Blocked),
        ("the client, where it is closed", Some(carl()), State::Closed),
        ("an admin, where it is closed", Some(root()), State::Closed),
    ]
}

/// One in which the conversation stands so.
async fn scene(state: State) -> Scene {
    let scene = Scene::set().await;
    let id = scene.id;
    match state {
        State::Open => {}
        State::Blocked => drop(
            scene
                .world
                .put(&ada(), &format!("/messages/conversations/{id}/block"))
                .await,
        ),
        State::Closed => {
            let path = format!("/messages/admin/conversations/{id}/close");
            drop(scene.world.put(&root(), &path).await);
        }
    }
    scene
}

fn shown(answer: &Answer) -> String {
    if answer.status < 300 {
        return answer.status.to_string();
    }
    let (status, code) = answer.refusal();
    format!("{status} {code}")
}

#[tokio::test]
async fn who_may_do_what_is_this_table() {
    let mut table = String::new();
    let mut row = |what: &str, answer: Option<&Answer>| {
        match answer {
            None => writeln!(table, "{what}"),
            Some(answer) => writeln!(table, "  {what:<36}{}", shown(answer)),
        }
        .expect("a string takes everything");
    };
    let of = Scene::set().await;
    for (nth, (method, route, ..)) in of.requests().into_iter().enumerate() {
        row(&format!("{method} {route}"), None);
        for (caller, actor, state) in callers() {
            // Each in a world of its own: what one changes is nothing to the next.
            let answer = scene(state).await.ask(actor.as_ref(), nth).await;
            row(caller, Some(&answer));
        }
    }
    for (nth, (channel, _)) in of.channels().into_iter().enumerate() {
        row(channel, None);
        for (caller, actor, state) in callers() {
            let scene = scene(state).await;
            let answer = scene.subscribe(actor.as_ref(), &scene.channels()[nth].1).await;
            row(caller, Some(&answer));
        }
    }
    insta::assert_snapshot!(table);
}

/// Whatever is in the contract is in the table, and whatever method a path has is in the contract.
#[tokio::test]
async fn the_table_has_every_route() {
    let scene = Scene::set().await;
    let mut tried: BTreeSet<_> = scene
        .requests()
        .into_iter()
        .map(|(method, route, ..)| (route.to_owned(), method.to_string()))
        .collect();
    tried.insert(("/pusher/auth".to_owned(), Method::POST.to_string()));
    let document = messaging_axum::openapi(&HttpOptions::default());
    let document = serde_json::to_value(document).expect("a document has a JSON");
    let (mut described, mut there) = (BTreeSet::new(), BTreeSet::new());
    for (path, item) in document["paths"].as_object().expect("paths") {
        let operations = item.as_object().expect("operations").keys();
        described.extend(operations.map(|method| (path.clone(), method.to_uppercase())));
        let named = path.replace("{id}", &scene.id.to_string());
        let refused = scene.world.ask(&root(), Request::patch(named), "").await;
        assert_eq!(refused.status, 405, "{path}");
        let methods = refused.header("allow").expect("a path has methods").split(',');
        let methods = methods.filter(|method| *method != "HEAD");
        there.extend(methods.map(|method| (path.clone(), method.to_owned())));
    }
    assert_eq!(there, described);
    assert_eq!(tried, described);
}
