//! An authentic webhook makes a server query presence again; any other webhook does not.

use hmac::{Hmac, KeyInit as _, Mac as _};
use messaging_core::clock::{Clock as _, SystemClock};
use messaging_tests::{Server, Sockudo, Subscriber, eventually};
use serde_json::Value;
use sha2::Sha256;

use crate::pusher::support::Fixture;

fn signed(sockudo: &Sockudo, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(sockudo.secret().as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn is_online(server: &Server, id: &str) -> bool {
    let path = format!("/api/messages/conversations/{id}");
    server.caller("client-1").data(&path)["presence"]["agent"] == Value::Bool(true)
}

#[test]
fn only_an_authentic_webhook_causes_a_new_lookup() {
    let Some(fixture) = Fixture::build("webhooks") else {
        return;
    };
    let server = fixture.server();
    let id = server.caller("client-1").open("agency-1");
    let channel = "private-user-agent-1".to_owned();
    let agent = Subscriber::connect(&server, &server.caller("agent-1"), std::slice::from_ref(&channel));
    assert!(is_online(&server, &id));
    drop(agent);
    eventually("the agent has gone", || {
        let other = fixture.server();
        (!is_online(&other, &id)).then_some(())
    });
    assert!(is_online(&server, &id), "presence is cached for a minute");

    let now = SystemClock.now().as_millis();
    let body = |time| {
        format!(r#"{{"time_ms":{time},"events":[{{"name":"channel_vacated","channel":"{channel}"}}]}}"#)
    };
    let (fresh, old) = (body(now), body(now - 11 * 60 * 1_000));
    let right = signed(&fixture.sockudo, &fresh);
    let post = |signature: &str, body: &str| {
        let headers = [
            ("x-pusher-key", fixture.sockudo.key()),
            ("x-pusher-signature", signature),
        ];
        server
            .anonymous()
            .post_raw("/api/pusher/webhooks", &headers, body)
            .unwrap()
    };
    for (signature, body) in [
        ("", &fresh),
        (&right[..62], &fresh),
        (right.as_str(), &old),
        (signed(&fixture.sockudo, &old).as_str(), &old),
    ] {
        let refused = post(signature, body);
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (401, &"unauthenticated".into())
        );
    }
    assert!(is_online(&server, &id), "a refused webhook changes nothing");
    assert_eq!(post(&right, &fresh).status, 200);
    assert!(!is_online(&server, &id), "the server has queried presence again");
    assert_eq!(post(&right, &fresh).status, 200, "a repeated webhook is accepted");
}
