//! Whatever pages say, nothing panics and the hub stays consistent.

use messaging_core::port::realtime::Realtime;
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
    Unsubscribe(usize, usize),
    Say(usize, String),
    Speak(usize, usize),
    Publish(usize),
    Revoke(usize, usize),
    Read(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let page = || 0..6_usize;
    let channel = || 0..CHANNELS.len();
    let user = || 0..USERS.len();
    let step = prop_oneof![
        2 => Just(Step::Connect),
        1 => page().prop_map(Step::Disconnect),
        6 => (page(), channel(), user()).prop_map(|(p, c, u)| Step::Subscribe(p, c, u)),
        2 => (page(), channel()).prop_map(|(p, c)| Step::Unsubscribe(p, c)),
        4 => (page(), frames()).prop_map(|(p, text)| Step::Say(p, text)),
        2 => (page(), channel()).prop_map(|(p, c)| Step::Speak(p, c)),
        3 => channel().prop_map(Step::Publish),
        1 => (user(), channel()).prop_map(|(u, c)| Step::Revoke(u, c)),
        2 => page().prop_map(Step::Read),
    ];
    prop::collection::vec(step, 1..80)
}

/// Anything from noise to nearly right.
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

async fn take(world: &World, pages: &mut Vec<Page>, step: Step) {
    match step {
        Step::Connect if pages.len() < 6 => pages.push(world.visitor()),
        Step::Disconnect(page) if page < pages.len() => drop(pages.remove(page)),
        Step::Publish(channel) => world
            .channels
            .publish(&[event(CHANNELS[channel], "{}")])
            .await
            .unwrap(),
        Step::Revoke(who, channel) => {
            world
                .channels
                .revoke(&user(USERS[who]), &name(CHANNELS[channel]))
                .await
                .unwrap();
        }
        Step::Subscribe(page, channel, who) => {
            with(pages, page, |p| p.subscribes(CHANNELS[channel], USERS[who]));
        }
        Step::Unsubscribe(page, channel) => with(pages, page, |p| p.unsubscribes(CHANNELS[channel])),
        Step::Say(page, text) => with(pages, page, |p| p.says(&text)),
        Step::Speak(page, channel) => with(pages, page, |p| {
            p.says(&json!({ "event": "client-x", "channel": CHANNELS[channel], "data": {} }));
        }),
        Step::Read(page) => with(pages, page, |p| drop(p.hears())),
        Step::Connect | Step::Disconnect(_) => {}
    }
}

fn with(pages: &mut [Page], page: usize, act: impl FnOnce(&mut Page)) {
    if let Some(page) = pages.get_mut(page) {
        act(page);
    }
}

proptest! {
    #[test]
    fn no_message_makes_it_panic_and_the_hub_stays_consistent(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        // A small queue: connections overflow and are closed on the way.
        let options = EmbeddedOptions::default().with_max_connections(5).with_max_channels(3).with_queue(8, 4_000);
        let world = World::with(options);
        let mut pages = Vec::new();
        for step in steps {
            runtime.block_on(take(&world, &mut pages, step));
            world.channels.server.hub().assert_consistent();
        }
        pages.clear();
        world.channels.server.hub().assert_consistent();
        prop_assert_eq!(world.channels.connection_count(), 0);
        prop_assert!(world.occupied().is_empty());
    }
}
