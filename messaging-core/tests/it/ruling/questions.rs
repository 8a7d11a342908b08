//! The questions to the host's policy: their contents, their time and their cost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use messaging_core::{
    Actor, ErrorKind, Messaging, Timestamp,
    clock::{ManualClock, SystemIds},
    domain::opening::PreparedOpen,
    event::Typing,
    host::{
        HostError,
        access::{AccessPolicy, ParticipantAction, Participants, Ruling},
        rate_limit::Unlimited,
    },
    memory::MemoryStore,
    store::{ConversationStore, Publisher, StoreErrorKind},
};
use messaging_testkit::fake::FailingStore;

use super::{refusal, ruled};
use crate::support::*;

/// Returns the bookings of each question about an action.
fn bookings(policy: &ScriptedPolicy) -> Vec<String> {
    let names = |on: &Participants| -> Vec<_> { on.bookings.iter().map(ToString::to_string).collect() };
    let checks = policy.checks();
    checks
        .iter()
        .map(|(action, on)| format!("{action:?} {}", names(on).join(" ")))
        .collect()
}

#[tokio::test]
async fn a_policy_receives_the_current_participants_and_bookings() {
    let (store, clock, policy) = (MemoryStore::new(), ManualClock::new(), ScriptedPolicy::new());
    let here = World::on(store.clone(), clock.clone(), People, |builder| {
        builder.policy(policy.clone())
    });
    let elsewhere = World::on(store, clock, People, |builder| builder.ids(SystemIds));
    let id = here.open().await;
    policy.checks();
    here.send(&carl(), id, "1").await;
    let mut expected = Participants::new(user("carl"), agent("alpine"), user("ada"));
    expected.conversation_id = Some(id);
    assert_eq!(policy.checks(), [(ParticipantAction::Send, expected.clone())]);

    for name in ["b-carl", "b-carl-2"] {
        let linked = elsewhere
            .messaging
            .open_conversation(&carl(), &open("alpine", Some(name)))
            .await;
        linked.unwrap();
        // The first question is about the cached conversation; its step is a conflict.
        here.send(&carl(), id, "2").await;
    }
    let questions = bookings(&policy);
    assert_eq!(questions.last().unwrap(), "Send b-carl-2 b-carl");
    assert!(
        questions.iter().all(|question| question != "Send "),
        "{questions:?}"
    );

    elsewhere
        .messaging
        .operations()
        .unlink_booking(id, &booking("b-carl-2"))
        .await
        .unwrap();
    here.messaging
        .set_typing(&ada(), id, Typing::Started, None)
        .await
        .unwrap();
    here.send(&ada(), id, "3").await;
    assert!(
        bookings(&policy)
            .iter()
            .all(|question| question.ends_with(" b-carl"))
    );

    elsewhere.messaging.block(&ada(), id).await.unwrap();
    here.messaging.block(&carl(), id).await.unwrap();
    expected.blocked_by.agent = true;
    expected.bookings = vec![booking("b-carl")];
    expected.access_version = 4;
    assert_eq!(policy.checks(), [(ParticipantAction::Block, expected)]);
}

#[tokio::test]
async fn a_policy_receives_the_newest_bookings_up_to_the_maximum() {
    let (world, policy) = ruled();
    let id = world.open().await;
    let conversation = world.store.find_conversation(id.into()).await.unwrap().unwrap();
    for n in 0..=Participants::MAX_BOOKINGS {
        let plan = PreparedOpen::new(
            id,
            user("carl"),
            agent("alpine"),
            user("ada"),
            conversation.created_at,
        )
        .with_booking_id(Some(booking(&format!("b-{n}"))));
        world.store.open(&plan, Publisher::Anyone).await.unwrap();
    }
    policy.checks();
    world.send(&carl(), id, "hello").await;
    let newest: Vec<_> = (1..=Participants::MAX_BOOKINGS)
        .rev()
        .map(|n| booking(&format!("b-{n}")))
        .collect();
    assert_eq!(policy.checks()[0].1.bookings, newest);
}

#[tokio::test]
async fn opening_is_ruled_on_with_the_confirmed_booking_only() {
    let (world, policy) = ruled();
    let other = world
        .messaging
        .open_conversation(&carl(), &open("alpine", Some("b-other")))
        .await;
    assert_eq!(kind(other), ErrorKind::UnknownBooking);
    assert_eq!(policy.checks(), []);
    policy.answer(|_, on| {
        if on.bookings.is_empty() {
            Answer::Refuse
        } else {
            Answer::Allow
        }
    });
    let without = world
        .messaging
        .open_conversation(&carl(), &open("alpine", None))
        .await;
    assert_eq!(kind(without), refusal());
    world
        .messaging
        .open_conversation(&carl(), &open("alpine", Some("b-carl")))
        .await
        .unwrap();
    assert_eq!(bookings(&policy), ["Open ", "Open b-carl"]);
    assert_eq!(world.count_conversations().await, 1);
}

/// A policy that, once enabled, links a booking between the ruling and the step, and refuses conversations
/// with one.
struct LinksMeanwhile {
    store: MemoryStore,
    is_enabled: Arc<AtomicBool>,
}

#[async_trait]
impl AccessPolicy for LinksMeanwhile {
    async fn check(&self, _: &Actor, _: ParticipantAction, on: &Participants) -> Result<Ruling, HostError> {
        if !on.bookings.is_empty() {
            return Ok(Ruling::refuse(REFUSAL));
        }
        if let (true, Some(id)) = (self.is_enabled.load(Ordering::Relaxed), on.conversation_id) {
            let plan = PreparedOpen::new(
                id,
                on.client_id.clone(),
                on.agent_id.clone(),
                on.agent_user_id.clone(),
                Timestamp::EPOCH,
            )
            .with_booking_id(Some(booking("b-carl")));
            self.store.open(&plan, Publisher::Anyone).await.unwrap();
        }
        Ok(Ruling::Allow)
    }
}

#[tokio::test]
async fn a_booking_linked_between_the_ruling_and_the_step_is_ruled_on() {
    for sent_before in [0, 1] {
        let (store, is_enabled) = (MemoryStore::new(), Arc::new(AtomicBool::new(false)));
        let links = LinksMeanwhile {
            store: store.clone(),
            is_enabled: is_enabled.clone(),
        };
        let world = World::on(store, ManualClock::new(), People, |builder| builder.policy(links));
        let id = world.open().await;
        for _ in 0..sent_before {
            world.send(&carl(), id, "the conversation is cached").await;
        }
        is_enabled.store(true, Ordering::Relaxed);
        let refused = world
            .messaging
            .send_message(&carl(), &message(id, "hello", None))
            .await;
        assert_eq!(kind(refused), refusal());
        assert_eq!(world.messaging.count_unread(&ada()).await.unwrap(), sent_before);
    }
}

#[tokio::test]
async fn a_send_costs_a_question_and_its_bookings_and_a_failing_host_is_asked_once() {
    let (store, policy) = (FailingStore::new(MemoryStore::new()), ScriptedPolicy::new());
    let build = |policy: Option<ScriptedPolicy>| {
        let builder = Messaging::builder(store.clone(), People).rate_limiter(Unlimited);
        let builder = match policy {
            Some(policy) => builder.policy(policy),
            None => builder,
        };
        builder.build().unwrap().0
    };
    let (plain, ruled) = (build(None), build(Some(policy.clone())));
    let opened = plain
        .open_conversation(&carl(), &open("alpine", None))
        .await
        .unwrap();
    let id = opened.conversation.id();
    let calls = async |messaging: &Messaging| {
        let before = store.calls();
        let sent = messaging.send_message(&carl(), &message(id, "hello", None)).await;
        (store.calls() - before, sent.is_ok())
    };
    assert_eq!((calls(&plain).await, calls(&plain).await), ((2, true), (1, true)));
    assert_eq!((calls(&ruled).await, calls(&ruled).await), ((3, true), (2, true)));
    assert_eq!(policy.checks().len(), 2);
    policy.answer(|_, _| Answer::Fail);
    assert_eq!(calls(&ruled).await, (1, false));
    assert_eq!(policy.checks().len(), 1);

    policy.answer(|_, _| Answer::Allow);
    let retry_after = Duration::from_secs(7);
    store.refuse("listing bookings", StoreErrorKind::Unavailable { retry_after });
    let unread = ruled.send_message(&carl(), &message(id, "hello", None)).await;
    assert_eq!(kind(unread), ErrorKind::Unavailable { retry_after });
    assert_eq!(policy.checks(), [], "no ruling is requested without the bookings");
    assert_eq!(ruled.count_unread(&ada()).await.unwrap(), 4);
}
