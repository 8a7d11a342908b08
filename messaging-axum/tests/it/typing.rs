use messaging_axum::HttpOptions;
use messaging_core::{ProcessLimiter, event::SocketId};
use serde_json::json;

use crate::support::{World, ada, carl, root};

const PATH: &str = "/messages/typing";

#[tokio::test]
async fn the_other_side_sees_that_someone_types_and_stops() {
    let world = World::new();
    let id = world.open("alpine").await;
    for (typing, name) in [(true, "typing-start"), (false, "typing-stop")] {
        let answer = world
            .post(&carl(), PATH, json!({"conversationId": id, "typing": typing}))
            .await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        let event = (
            format!("private-conversation-{id}"),
            name,
            json!({"conversationId": id, "userId": "carl"}),
        );
        assert_eq!(world.transport.take(), [event]);
    }
}

#[tokio::test]
async fn ones_own_connection_need_not_hear_of_it() {
    let world = World::new();
    let id = world.open("alpine").await;
    let body = json!({"conversationId": id, "typing": true, "socketId": "1234.5678"});
    assert_eq!(world.post(&ada(), PATH, body).await.status, 204);
    let events = world.transport.events();
    let except = events[0].except.as_ref().map(SocketId::as_str);
    assert_eq!((events.len(), except), (1, Some("1234.5678")));
}

#[tokio::test]
async fn a_transport_that_is_down_does_not_matter() {
    let world = World::new();
    let id = world.open("alpine").await;
    world.transport.break_down();
    let answer = world
        .post(&carl(), PATH, json!({"conversationId": id, "typing": true}))
        .await;
    assert_eq!(answer.status, 204);
}

#[tokio::test]
async fn too_much_typing_is_told_when_to_go_on() {
    let world = World::with(HttpOptions::default(), |parts| {
        parts.rate_limiter(ProcessLimiter::default())
    });
    let id = world.open("alpine").await;
    let body = json!({"conversationId": id, "typing": true});
    for _ in 0..10 {
        assert_eq!(world.post(&carl(), PATH, body.clone()).await.status, 204);
    }
    let answer = world.post(&carl(), PATH, body).await;
    assert_eq!(answer.refusal(), (429, "rate_limited".to_owned()));
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(world.transport.take().len(), 10);
}

#[tokio::test]
async fn an_admin_does_not_type() {
    let world = World::new();
    let id = world.open("alpine").await;
    let answer = world
        .post(&root(), PATH, json!({"conversationId": id, "typing": true}))
        .await;
    assert_eq!(answer.refusal(), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn a_host_can_do_without_typing() {
    let world = World::with(HttpOptions::default().without_typing(), |parts| parts);
    let id = world.open("alpine").await;
    let answer = world
        .post(&carl(), PATH, json!({"conversationId": id, "typing": true}))
        .await;
    assert_eq!((answer.status, answer.text.as_str()), (404, ""));
}
