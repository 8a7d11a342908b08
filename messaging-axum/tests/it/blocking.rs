use serde_json::json;

use crate::support::{Answer, World, ada, carl, root};

async fn send(world: &World, actor: &messaging_core::Actor, id: messaging_core::ConversationId) -> Answer {
    let body = json!({"conversationId": id, "content": "Hello"});
    world.post(actor, "/messages", body).await
}

#[tokio::test]
async fn a_block_stops_the_other_side_until_it_is_lifted() {
    let world = World::new();
    let id = world.open("alpine").await;
    let path = format!("/messages/conversations/{id}/block");
    for _ in 0..2 {
        let blocked = world.put(&ada(), &path).await;
        assert_eq!((blocked.status, blocked.text.as_str()), (204, ""));
    }
    assert_eq!(
        send(&world, &carl(), id).await.refusal(),
        (403, "conversation_blocked".to_owned())
    );
    assert_eq!(send(&world, &ada(), id).await.status, 201);
    let seen = world.history(&carl(), id, "").await.data()["conversation"].clone();
    assert_eq!(
        (&seen["status"], &seen["blockedBy"], &seen["canSend"]),
        (&json!("blocked"), &json!(["agent"]), &json!(false))
    );
    assert_eq!(world.delete(&ada(), &path).await.status, 204);
    assert_eq!(send(&world, &carl(), id).await.status, 201);
}

#[tokio::test]
async fn one_side_does_not_lift_the_others_block() {
    let world = World::new();
    let id = world.open("alpine").await;
    let path = format!("/messages/conversations/{id}/block");
    world.put(&ada(), &path).await;
    assert_eq!(world.delete(&carl(), &path).await.status, 204);
    assert_eq!(
        send(&world, &carl(), id).await.refusal(),
        (403, "conversation_blocked".to_owned())
    );
}

#[tokio::test]
async fn an_admin_who_takes_no_part_does_not_block() {
    let world = World::new();
    let id = world.open("alpine").await;
    let answer = world
        .put(&root(), &format!("/messages/conversations/{id}/block"))
        .await;
    assert_eq!(answer.refusal(), (403, "forbidden".to_owned()));
}
