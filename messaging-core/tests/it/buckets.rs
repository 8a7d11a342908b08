//! The bucket of a client, in the ids of their conversations and reports.

use std::collections::HashSet;

use messaging_core::{
    Actor, HostOpen, Role,
    domain::report::Remark,
    id::{Bucket, ConversationId, ReportId, UserId},
    participant::NewReport,
};

use crate::support::*;

/// Returns two clients whose buckets differ.
fn clients() -> [UserId; 2] {
    let clients = ["carl", "carla"].map(user);
    assert_ne!(
        Bucket::of_client(&clients[0]),
        Bucket::of_client(&clients[1]),
        "choose clients in different buckets"
    );
    clients
}

fn bucket(id: ConversationId) -> Bucket {
    Bucket::of_id(id.as_uuid())
}

async fn report(world: &World, actor: &Actor, of: ConversationId) -> ReportId {
    let report = NewReport::new(Remark::parse("rude").unwrap());
    world.messaging.report(actor, of, &report).await.unwrap().id
}

#[tokio::test]
async fn every_way_of_opening_puts_the_clients_bucket_in_the_id() {
    let world = World::new();
    let mut ids = HashSet::new();
    for client in clients() {
        let carls = Bucket::of_client(&client);
        let actor = Actor::new(client.clone(), Role::Client);
        let opened = world
            .messaging
            .open_conversation(&actor, &open("alpine", None))
            .await;
        let opened = opened.unwrap().conversation.summary.conversation.id;
        let by_host = HostOpen::new(&client, &agent("baltic"), &user("bo"));
        let plan = world
            .messaging
            .operations()
            .prepare_open(by_host.clone())
            .unwrap();
        let planned = world
            .messaging
            .operations()
            .open_prepared(&plan)
            .await
            .unwrap()
            .id;
        assert_eq!(planned, plan.id);
        // The next plan for the pair has a new id, which remains unused.
        let again = world.messaging.operations().prepare_open(by_host).unwrap();
        for id in [opened, planned, again.id] {
            assert_eq!(bucket(id), carls, "{id}");
            assert_eq!(id.as_uuid().get_version_num(), 7);
            assert!(ids.insert(id), "{id} twice");
        }
    }
}

#[tokio::test]
async fn a_report_id_has_the_conversations_bucket_after_erasure() {
    let world = World::new();
    for client in clients() {
        let actor = Actor::new(client.clone(), Role::Client);
        let opened = world
            .messaging
            .open_conversation(&actor, &open("alpine", None))
            .await;
        let id = opened.unwrap().conversation.summary.conversation.id;
        let clients = report(&world, &actor, id).await;
        world.messaging.operations().erase_user(&client).await.unwrap();
        let agents = report(&world, &ada(), id).await;
        assert_ne!(clients, agents);
        for report in [clients, agents] {
            assert_eq!(
                Bucket::of_id(report.as_uuid()),
                Bucket::of_client(&client),
                "{report}"
            );
        }
    }
}
