//! Everything at once, from several threads.

use messaging_core::transport::realtime::Realtime;
use serde_json::json;

use super::*;

const ROUNDS: usize = 300;
const USERS: [&str; 4] = ["ann", "bob", "eve", "kim"];
const CHANNELS: [&str; 3] = [PRIVATE, PRESENCE, "presence-room"];

/// Comes, subscribes, speaks, listens, and goes in one way or another. Events are heard in order.
async fn visit(world: World, who: usize) {
    for round in 0..ROUNDS {
        let mut page = world.page();
        for channel in CHANNELS {
            page.subscribes(channel, USERS[who]);
            page.says(&json!({ "event": "client-x", "channel": channel, "data": {} }));
        }
        let mut last = [0; CHANNELS.len()];
        for turn in 0..4 {
            tokio::task::yield_now().await;
            for frame in page.hears() {
                let at = CHANNELS.iter().position(|channel| frame["channel"] == *channel);
                if let (Some(at), Some(n)) = (at, frame["data"]["n"].as_u64()) {
                    assert!(n > last[at], "{n} after {}", last[at]);
                    last[at] = n;
                }
            }
            let channel = CHANNELS[(round + turn) % CHANNELS.len()];
            if turn % 2 == 0 {
                page.unsubscribes(channel);
            } else {
                world.signs(&page, channel, USERS[(who + round) % USERS.len()]);
                page.subscribes(channel, USERS[who]);
            }
        }
        match round % 3 {
            0 => page.membership.end(),
            1 => page.membership.queue.give_up(),
            _ => {}
        }
    }
}

async fn publish(world: World, channel: &'static str) {
    for n in 1..=ROUNDS {
        let data = json!({ "n": n }).to_string();
        world.channels.publish(&[event(channel, &data)]).await.unwrap();
    }
}

async fn revoke(world: World) {
    for round in 0..ROUNDS {
        let (who, channel) = (USERS[round % USERS.len()], CHANNELS[round % CHANNELS.len()]);
        world.channels.revoke(&user(who), &name(channel)).await.unwrap();
        world.channels.server.hub().assert_consistent();
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_from_several_threads_leaves_the_hub_consistent() {
    let world = World::permissive();
    let stays = world.page().now_in("news", "");
    let mut tasks = tokio::task::JoinSet::new();
    for who in 0..USERS.len() {
        tasks.spawn(visit(world.clone(), who));
    }
    for channel in CHANNELS {
        tasks.spawn(publish(world.clone(), channel));
    }
    tasks.spawn(revoke(world.clone()));
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    world.channels.server.hub().assert_consistent();
    assert_eq!(world.channels.connection_count(), 1);
    assert_eq!(world.occupied(), ["news"]);
    drop(stays);
    assert_eq!(world.channels.connection_count(), 0);
}
