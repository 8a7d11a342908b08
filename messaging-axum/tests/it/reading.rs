use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{World, ada, bob, carl, root};

const PATH: &str = "/messages/read";

#[tokio::test]
async fn reading_up_to_a_message_leaves_what_came_later_unread() {
    let world = World::new();
    let id = world.open("alpine").await;
    world.say(&carl(), id, "one").await;
    let two = world.say(&carl(), id, "two").await;
    world.say(&carl(), id, "three").await;
    let read = world
        .post(&ada(), PATH, json!({"conversationId": id, "upTo": two["id"]}))
        .await;
    assert_snapshot!(read.shown());
    assert_eq!(world.total(&ada()).await, 1);
}

#[tokio::test]
async fn reading_an_older_message_again_answers_its_receipt() {
    let world = World::new();
    let id = world.open("alpine").await;
    let one = world.say(&carl(), id, "one").await;
    let first = world
        .post(&ada(), PATH, json!({"conversationId": id, "upTo": one["id"]}))
        .await;
    let two = world.say(&carl(), id, "two").await;
    world
        .post(&ada(), PATH, json!({"conversationId": id, "upTo": two["id"]}))
        .await;
    let again = world
        .post(&ada(), PATH, json!({"conversationId": id, "upTo": one["id"]}))
        .await;
    assert_eq!(again.data()["readAt"], first.data()["readAt"]);
    assert_eq!(again.data()["unreadCount"], 0);
}

#[tokio::test]
async fn reading_ones_own_message_has_no_receipt() {
    let world = World::new();
    let id = world.open("alpine").await;
    let own = world.say(&carl(), id, "one").await;
    let read = world
        .post(&carl(), PATH, json!({"conversationId": id, "upTo": own["id"]}))
        .await;
    assert_eq!(
        read.data(),
        json!({"unreadCount": 0, "unreadVersion": 0, "readAt": Value::Null})
    );
}

#[tokio::test]
async fn a_message_of_another_conversation_is_not_found() {
    let world = World::new();
    let (alpine, bergsport) = (world.open("alpine").await, world.open("bergsport").await);
    let elsewhere = world.say(&bob(), bergsport, "Hello").await;
    let read = world
        .post(
            &carl(),
            PATH,
            json!({"conversationId": alpine, "upTo": elsewhere["id"]}),
        )
        .await;
    assert_eq!(read.refusal(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn an_admin_marks_nothing() {
    let world = World::new();
    let id = world.open("alpine").await;
    let message = world.say(&carl(), id, "one").await;
    let read = world
        .post(
            &root(),
            PATH,
            json!({"conversationId": id, "upTo": message["id"]}),
        )
        .await;
    assert_eq!(read.refusal(), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn the_total_is_over_all_of_ones_conversations() {
    let world = World::new();
    let (alpine, bergsport) = (world.open("alpine").await, world.open("bergsport").await);
    world.say(&ada(), alpine, "one").await;
    world.say(&bob(), bergsport, "two").await;
    assert_snapshot!(world.get(&carl(), "/messages/unread").await.shown());
    for (actor, unread) in [(ada(), 0), (bob(), 0), (root(), 0)] {
        assert_eq!(world.total(&actor).await, unread);
    }
}
