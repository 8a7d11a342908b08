//! The OpenAPI document against the running server: every generated request receives a documented response,
//! and afterwards all counters match a recount.

use messaging_tests::{Server, Settings, schemathesis};
use serde_json::{Value, json};

/// The ids of existing data, so that not every request is answered with 404.
struct Scene {
    conversations: Vec<Value>,
    messages: Vec<Value>,
    reports: Vec<Value>,
}

impl Scene {
    /// Two clients have sent messages to two agents, who have answered; each client has reported the agent.
    fn set(server: &Server) -> Self {
        let (mut conversations, mut messages, mut reports) = (Vec::new(), Vec::new(), Vec::new());
        let post = |user: &str, path: &str, body: Value| {
            let answer = server.caller(user).post(path, &body).unwrap();
            assert!(answer.status < 300, "{answer:?}");
            answer.body["data"].clone()
        };
        for (client, agent) in [("client-1", 1), ("client-1", 2), ("client-2", 1)] {
            let opened = post(
                client,
                "/api/messages/conversations",
                json!({"agentId": format!("agency-{agent}")}),
            );
            let id = &opened["id"];
            for sender in [client, &format!("agent-{agent}")] {
                let message = json!({"conversationId": id, "content": "Is there snow?"});
                messages.push(post(sender, "/api/messages", message)["id"].clone());
            }
            let path = format!("/api/messages/conversations/{}/reports", id.as_str().unwrap());
            reports.push(post(client, &path, json!({"reason": "rude"}))["id"].clone());
            conversations.push(opened["id"].clone());
        }
        Self {
            conversations,
            messages,
            reports,
        }
    }

    /// Adds existing ids to the schemas of ids.
    fn name_in(&self, document: &mut Value) {
        let agents = vec![json!("agency-1"), json!("agency-2"), json!("agency-3")];
        let users = vec![json!("client-1"), json!("agent-1"), json!("admin-1")];
        for (name, ids) in [
            ("ConversationId", &self.conversations),
            ("MessageId", &self.messages),
            ("ReportId", &self.reports),
            ("AgentId", &agents),
            ("UserId", &users),
        ] {
            let schema = &mut document["components"]["schemas"][name];
            *schema = json!({"anyOf": [{"enum": ids}, schema.clone()]});
        }
    }
}

fn check(test: &str, user: Option<&str>) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let scene = Scene::set(&server);
    let mut document = server.anonymous().get("/api/messages/openapi.json").unwrap().body;
    scene.name_in(&mut document);
    schemathesis::run(test, &server, user, &document);
    let ended = server.stop("TERM");
    assert!(!ended.log.contains(" ERROR "), "{}", ended.log);
    let verified = Settings::in_directory(data.path()).with_argument("verify").run();
    assert!(verified.status.success(), "{}{}", verified.output, verified.log);
}

#[test]
fn responses_to_a_client_match_the_contract() {
    check("a client", Some("client-1"));
}

#[test]
fn responses_to_an_agent_match_the_contract() {
    check("an agent", Some("agent-1"));
}

#[test]
fn responses_to_an_admin_match_the_contract() {
    check("an admin", Some("admin-1"));
}

#[test]
fn responses_without_a_login_match_the_contract() {
    check("nobody", None);
}
