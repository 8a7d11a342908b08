//! Concurrent use from several threads.

use messaging_core::transport::realtime::Realtime;
use serde_json::json;

use super::*;

const ROUNDS: usize = 300;
const USERS: [&str; 4] = ["ann", "bob", "eve", "kim"];
const CHANNELS: [&str; 3] = [PRIVATE, PRESENCE, "presence-room"];

/// Connects, subscribes, sends, receives and disconnects in several ways. Checks that events arrive in order.
async fn run_client(server: TestServer, user_index: usize) {
    for round in 0..ROUNDS {
        let mut client = server.client();
        for channel in CHANNELS {
            client.subscribe(channel, USERS[user_index]);
            client.send(&json!({ "event": "client-x", "channel": channel, "data": {} }));
        }
        let mut last = [0; CHANNELS.len()];
        for turn in 0..4 {
            tokio::task::yield_now().await;
            for frame in client.received() {
                let at = CHANNELS.iter().position(|channel| frame["channel"] == *channel);
                if let (Some(at), Some(n)) = (at, frame["data"]["n"].as_u64()) {
                    assert!(n > last[at], "{n} after {}", last[at]);
                    last[at] = n;
                }
            }
            let channel = CHANNELS[(round + turn) % CHANNELS.len()];
            if turn % 2 == 0 {
                client.unsubscribe(channel);
            } else {
                server.sign(&client, channel, USERS[(user_index + round) % USERS.len()]);
                client.subscribe(channel, USERS[user_index]);
            }
        }
        match round % 3 {
            0 => client.registration.unregister(),
            1 => client.registration.queue.close_as_too_slow(),
            _ => {}
        }
    }
}

async fn publish(server: TestServer, channel: &'static str) {
    for n in 1..=ROUNDS {
        let data = json!({ "n": n }).to_string();
        server.channels.publish(&[event(channel, &data)]).await.unwrap();
    }
}

async fn revoke(server: TestServer) {
    for round in 0..ROUNDS {
        let (user_id, channel) = (USERS[round % USERS.len()], CHANNELS[round % CHANNELS.len()]);
        server
            .channels
            .revoke(&user(user_id), &name(channel))
            .await
            .unwrap();
        server.channels.server.hub().assert_consistent();
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_use_leaves_the_hub_consistent() {
    let server = TestServer::permissive();
    let remaining = server.client().subscribed_to("news", "");
    let mut tasks = tokio::task::JoinSet::new();
    for user_index in 0..USERS.len() {
        tasks.spawn(run_client(server.clone(), user_index));
    }
    for channel in CHANNELS {
        tasks.spawn(publish(server.clone(), channel));
    }
    tasks.spawn(revoke(server.clone()));
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    server.channels.server.hub().assert_consistent();
    assert_eq!(server.channels.connection_count(), 1);
    assert_eq!(server.occupied(), ["news"]);
    drop(remaining);
    assert_eq!(server.channels.connection_count(), 0);
}
