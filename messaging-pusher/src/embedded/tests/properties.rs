//! Whatever pages say, nothing panics and the hub stays consistent.

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
    /// The authorisation endpoint is asked, and the page does not subscribe.
    Sign(usize, usize, usize),
    /// The page subscribes with what it was last answered about the channel.
    Resend(usize, usize),
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
        3 => (page(), channel(), user()).prop_map(|(p, c, u)| Step::Sign(p, c, u)),
        3 => (page(), channel()).prop_map(|(p, c)| Step::Resend(p, c)),
        2 => (page(), channel()).prop_map(|(p, c)| Step::Unsubscribe(p, c)),
        4 => (page(), frames()).prop_map(|(p, text)| Step::Say(p, text)),
        2 => (page(), channel()).prop_map(|(p, c)| Step::Speak(p, c)),
        3 => channel().prop_map(Step::Publish),
        3 => (user(), channel()).prop_map(|(u, c)| Step::Revoke(u, c)),
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

/// A page, and what a naive observer knows of it.
struct Observed {
    page: Page,
    /// What it was last answered about a channel, and for whom.
    answers: HashMap<usize, (ChannelAuth, usize)>,
    /// For whom what was signed and not revoked since; perhaps more than the server remembers.
    signed: HashSet<(usize, usize)>,
    /// Whose the subscriptions are, where that is known.
    owners: HashMap<usize, usize>,
}

impl Observed {
    fn new(page: Page) -> Self {
        Self {
            page,
            answers: HashMap::new(),
            signed: HashSet::new(),
            owners: HashMap::new(),
        }
    }

    fn is_subscribed(&self, channel: usize) -> bool {
        let hub = self.page.world.channels.server.hub();
        hub.is_subscribed(&self.page.socket_id(), &name(CHANNELS[channel]))
    }

    fn sign(&mut self, channel: usize, who: usize) {
        if name(CHANNELS[channel]).is_signed() {
            let auth = self.page.world.signs(&self.page, CHANNELS[channel], USERS[who]);
            self.answers.insert(channel, (auth, who));
            self.signed.insert((channel, who));
        }
    }

    fn resend(&mut self, channel: usize, is_new: bool) {
        let Some((auth, who)) = self.answers.get(&channel).cloned() else {
            return;
        };
        let was_subscribed = self.is_subscribed(channel);
        self.page.subscribes_with(CHANNELS[channel], &auth);
        if was_subscribed || !self.is_subscribed(channel) {
            return;
        }
        // A private channel's signature does not say whose it is.
        if is_new || name(CHANNELS[channel]).is_presence() {
            self.owners.insert(channel, who);
        }
        let is_signed = (0..USERS.len()).any(|who| self.signed.contains(&(channel, who)));
        let is_ours = ChannelNames::default().parse(&name(CHANNELS[channel])).is_some();
        assert!(is_signed || !is_ours, "an old signature was accepted");
    }

    fn forget_what_ended(&mut self) {
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

async fn take(world: &World, pages: &mut Vec<Observed>, step: Step) {
    match step {
        Step::Connect if pages.len() < 6 => pages.push(Observed::new(world.visitor())),
        Step::Disconnect(page) if page < pages.len() => drop(pages.remove(page)),
        Step::Publish(channel) => world
            .channels
            .publish(&[event(CHANNELS[channel], "{}")])
            .await
            .unwrap(),
        Step::Revoke(who, channel) => revoke(world, pages, who, channel).await,
        Step::Subscribe(page, channel, who) => with(pages, page, |p| {
            if name(CHANNELS[channel]).is_signed() {
                p.sign(channel, who);
                p.resend(channel, true);
            } else {
                p.page.subscribes(CHANNELS[channel], "");
            }
        }),
        Step::Sign(page, channel, who) => with(pages, page, |p| p.sign(channel, who)),
        Step::Resend(page, channel) => with(pages, page, |p| p.resend(channel, false)),
        Step::Unsubscribe(page, channel) => with(pages, page, |p| p.page.unsubscribes(CHANNELS[channel])),
        Step::Say(page, text) => with(pages, page, |p| p.page.says(&text)),
        Step::Speak(page, channel) => with(pages, page, |p| {
            p.page
                .says(&json!({ "event": "client-x", "channel": CHANNELS[channel], "data": {} }));
        }),
        Step::Read(page) => with(pages, page, |p| drop(p.page.hears())),
        Step::Connect | Step::Disconnect(_) => {}
    }
    pages.iter_mut().for_each(Observed::forget_what_ended);
}

/// Revokes, and looks who hears what is published afterwards.
async fn revoke(world: &World, pages: &mut [Observed], who: usize, channel: usize) {
    let revoked = name(CHANNELS[channel]);
    world.channels.revoke(&user(USERS[who]), &revoked).await.unwrap();
    for page in &*pages {
        page.page.hears();
    }
    world
        .channels
        .publish(&[event(CHANNELS[channel], "{}")])
        .await
        .unwrap();
    for page in pages {
        page.signed.remove(&(channel, who));
        let hears = page.page.hears_events().contains(&"new-message".to_owned());
        assert!(
            !hears || page.owners.get(&channel) != Some(&who),
            "a revoked user heard an event"
        );
    }
}

fn with(pages: &mut [Observed], page: usize, act: impl FnOnce(&mut Observed)) {
    if let Some(page) = pages.get_mut(page) {
        act(page);
    }
}

proptest! {
    #[test]
    fn no_message_makes_it_panic_and_the_hub_stays_consistent(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        // A small queue: connections overflow and are closed on the way.
        let options = permissive().with_max_connections(5).with_max_channels(3).with_queue_messages(8);
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
