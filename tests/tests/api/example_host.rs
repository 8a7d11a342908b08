//! The example host's own routes: probes, a login, and bookings.

use messaging_tests::Server;
use serde_json::Value;

#[test]
fn probes_are_answered() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    assert_eq!(server.anonymous().get("/healthz").unwrap().status, 200);
    let ready = server.anonymous().get("/readyz").unwrap();
    assert_eq!((ready.status, &ready.body["ready"]), (200, &Value::Bool(true)));
}

#[test]
fn an_unknown_caller_is_unauthorized() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    for caller in [
        server.anonymous(),
        server.caller("client-0"),
        server.caller("mallory"),
    ] {
        let answer = caller.get("/api/messages/conversations").unwrap();
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (401, &Value::from("unauthenticated"))
        );
    }
}

#[test]
fn a_booking_opens_the_conversation_once() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (client, agent) = (server.caller("client-3"), server.caller("agent-5"));
    let wish = serde_json::json!({ "agentId": "agency-5" });
    let book = || client.post("/demo/bookings", &wish).unwrap();
    let (first, second) = (book(), book());
    assert_eq!((first.status, &first.body), (201, &second.body));
    assert_eq!(first.body["id"], "booking-3-5");
    let id = first.body["conversationId"].as_str().unwrap();
    assert_eq!(client.open("agency-5"), id);
    let history = agent.walk(id);
    assert_eq!(history.len(), 1);
    assert_eq!(history[0]["kind"], "system");
    let row = &agent.data("/api/messages/conversations")[0];
    assert_eq!(row["booking"]["id"], "booking-3-5");
    assert_eq!(
        (&row["unreadCount"], row["client"]["name"].as_str()),
        (&Value::from(1), Some("Felix Mensah"))
    );

    for (caller, status) in [(server.anonymous(), 401), (agent, 403)] {
        assert_eq!(caller.post("/demo/bookings", &wish).unwrap().status, status);
    }
    let unknown = serde_json::json!({ "agentId": "nobody" });
    assert_eq!(client.post("/demo/bookings", &unknown).unwrap().status, 400);
}
