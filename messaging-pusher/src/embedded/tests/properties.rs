//! For any sequence of messages the server does not panic and the hub stays consistent.

use std::collections::{HashMap, HashSet};

use messaging_core::{event::ChannelNames, transport::realtime::Realtime};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const CHANNELS: [&str; 5] = [PRIVATE, PRESENCE, "news", "presence-room", "private-user-ann"];
const USERS: [&str; 3] = ["ann", "bob", "eve"];

#[derive(Debug, Clone)]
enum Step {
    Connect,
    Disconnect(usize),
    Subscribe(usize, usize, usize),
    /// The client requests a signature and does not subscribe.
    Sign(usize, usize, usize),
    /// The client subscribes with its latest signature for the channel.
    Resend(usize, usize),
    Unsubscribe(usize, usize),
    SendText(usize, String),
    SendClientEvent(usize, usize),
    Publish(usize),
    Revoke(usize, usize),
    Read(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let client = || 0..6_usize;
    let channel = || 0..CHANNELS.len();
    let user = || 0..USERS.len();
    let step = prop_oneof![
        2 => Just(Step::Connect),
        1 => client().prop_map(Step::Disconnect),
        6 => (client(), channel(), user()).prop_map(|(p, c, u)| Step::Subscribe(p, c, u)),
        3 => (client(), channel(), user()).prop_map(|(p, c, u)| Step::Sign(p, c, u)),
        3 => (client(), channel()).prop_map(|(p, c)| Step::Resend(p, c)),
        2 => (client(), channel()).prop_map(|(p, c)| Step::Unsubscribe(p, c)),
        4 => (client(), frames()).prop_map(|(p, text)| Step::SendText(p, text)),
        2 => (client(), channel()).prop_map(|(p, c)| Step::SendClientEvent(p, c)),
        3 => channel().prop_map(Step::Publish),
        3 => (user(), channel()).prop_map(|(u, c)| Step::Revoke(u, c)),
        2 => client().prop_map(Step::Read),
    ];
    prop::collection::vec(step, 1..80)
}

/// Texts from random to almost valid.
fn frames() -> impl Strategy<Value = String> {
    let event = prop_oneof![
        Just("pusher:subscribe".to_owned()),
        Just("pusher:unsubscribe".to_owned()),
        Just("pusher:ping".to_owned()),
        Just("pusher:signin".to_owned()),
        "client-[a-z]{0,3}",
        "pusher(_internal)?:[a-z_]{0,9}",
        ".{0,9}",
    ];
    let channel = prop_oneof![
        prop::sample::select(&CHANNELS[..]).prop_map(str::to_owned),
        ".{0,9}"
    ];
    let text = prop_oneof![
        Just(json!(null)),
        Just(json!(7)),
        Just(json!([{}])),
        ".{0,9}".prop_map(|t| json!(t))
    ];
    let nearly = (event, channel, text.clone(), text).prop_map(|(event, channel, auth, data)| {
        json!({
            "event": event,
            "channel": channel.clone(),
            "data": { "channel": channel, "auth": auth, "channel_data": data },
        })
        .to_string()
    });
    prop_oneof![
        ".{0,40}",
        nearly.clone(),
        (nearly, 0..40_usize).prop_map(|(text, cut)| { text.chars().take(cut).collect() })
    ]
}

/// A client, and a simple model of its access.
struct ModelledClient {
    client: TestClient,
    /// The latest signature for each channel, and its user.
    answers: HashMap<usize, (ChannelAuth, usize)>,
    /// Channels and users signed and not revoked; may exceed the server's grants, which are bounded.
    signed: HashSet<(usize, usize)>,
    /// The user of each subscription, where known.
    owners: HashMap<usize, usize>,
}

impl ModelledClient {
    fn new(client: TestClient) -> Self {
        Self {
            client,
            answers: HashMap::new(),
            signed: HashSet::new(),
            owners: HashMap::new(),
        }
    }

    fn is_subscribed(&self, channel: usize) -> bool {
        let hub = self.client.server.channels.server.hub();
        hub.is_subscribed(&self.client.socket_id(), &name(CHANNELS[channel]))
    }

    fn sign(&mut self, channel: usize, user_index: usize) {
        if name(CHANNELS[channel]).is_signed() {
            let auth = self
                .client
                .server
                .sign(&self.client, CHANNELS[channel], USERS[user_index]);
            self.answers.insert(channel, (auth, user_index));
            self.signed.insert((channel, user_index));
        }
    }

    fn resend(&mut self, channel: usize, is_new: bool) {
        let Some((auth, user_index)) = self.answers.get(&channel).cloned() else {
            return;
        };
        let was_subscribed = self.is_subscribed(channel);
        self.client.subscribe_with(CHANNELS[channel], &auth);
        if was_subscribed || !self.is_subscribed(channel) {
            return;
        }
        // A private channel's signature does not name its user.
        if is_new || name(CHANNELS[channel]).is_presence() {
            self.owners.insert(channel, user_index);
        }
        let is_signed = (0..USERS.len()).any(|user_index| self.signed.contains(&(channel, user_index)));
        let is_ours = ChannelNames::default().parse(&name(CHANNELS[channel])).is_some();
        assert!(is_signed || !is_ours, "an old signature was accepted");
    }

    fn remove_ended_subscriptions(&mut self) {
        let ended: Vec<_> = self
            .owners
            .keys()
            .copied()
            .filter(|c| !self.is_subscribed(*c))
            .collect();
        for channel in ended {
            self.owners.remove(&channel);
        }
    }
}

async fn run_step(server: &TestServer, clients: &mut Vec<ModelledClient>, step: Step) {
    match step {
        Step::Connect if clients.len() < 6 => clients.push(ModelledClient::new(server.connect())),
        Step::Disconnect(client) if client < clients.len() => drop(clients.remove(client)),
        Step::Publish(channel) => server
            .channels
            .publish(&[event(CHANNELS[channel], "{}")])
            .await
            .unwrap(),
        Step::Revoke(user_index, channel) => revoke(server, clients, user_index, channel).await,
        Step::Subscribe(client, channel, user_index) => with(clients, client, |p| {
            if name(CHANNELS[channel]).is_signed() {
                p.sign(channel, user_index);
                p.resend(channel, true);
            } else {
                p.client.subscribe(CHANNELS[channel], "");
            }
        }),
        Step::Sign(client, channel, user_index) => with(clients, client, |p| p.sign(channel, user_index)),
        Step::Resend(client, channel) => with(clients, client, |p| p.resend(channel, false)),
        Step::Unsubscribe(client, channel) => {
            with(clients, client, |p| p.client.unsubscribe(CHANNELS[channel]));
        }
        Step::SendText(client, text) => with(clients, client, |p| p.client.send(&text)),
        Step::SendClientEvent(client, channel) => with(clients, client, |p| {
            p.client
                .send(&json!({ "event": "client-x", "channel": CHANNELS[channel], "data": {} }));
        }),
        Step::Read(client) => with(clients, client, |p| drop(p.client.received())),
        Step::Connect | Step::Disconnect(_) => {}
    }
    clients
        .iter_mut()
        .for_each(ModelledClient::remove_ended_subscriptions);
}

/// Revokes access, publishes, and checks that the user no longer receives events.
async fn revoke(server: &TestServer, clients: &mut [ModelledClient], user_index: usize, channel: usize) {
    let revoked = name(CHANNELS[channel]);
    server
        .channels
        .revoke(&user(USERS[user_index]), &revoked)
        .await
        .unwrap();
    for client in &*clients {
        client.client.received();
    }
    server
        .channels
        .publish(&[event(CHANNELS[channel], "{}")])
        .await
        .unwrap();
    for client in clients {
        client.signed.remove(&(channel, user_index));
        let receives = client
            .client
            .received_events()
            .contains(&"new-message".to_owned());
        assert!(
            !receives || client.owners.get(&channel) != Some(&user_index),
            "a revoked user received an event"
        );
    }
}

fn with(clients: &mut [ModelledClient], client: usize, action: impl FnOnce(&mut ModelledClient)) {
    if let Some(client) = clients.get_mut(client) {
        action(client);
    }
}

proptest! {
    #[test]
    fn any_sequence_of_messages_leaves_the_hub_consistent(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        // A small queue: connections overflow and are closed on the way.
        let options = permissive().with_max_connections(5).with_max_channels(3).with_queue_messages(8);
        let server = TestServer::with(options);
        let mut clients = Vec::new();
        for step in steps {
            runtime.block_on(run_step(&server, &mut clients, step));
            server.channels.server.hub().assert_consistent();
        }
        clients.clear();
        server.channels.server.hub().assert_consistent();
        prop_assert_eq!(server.channels.connection_count(), 0);
        prop_assert!(server.occupied().is_empty());
    }
}
