//! Whether a viewer can send: by the rules of the core, and by one question to the host's policy.

use std::time::Duration;

use async_trait::async_trait;
use messaging_core::{
    Actor, ConversationId, ConversationView, HistoryRequest, ListRequest, Messaging, Role,
    host::{
        HostError,
        access::{AccessPolicy, ParticipantAction, Participants, Ruling},
        rate_limit::Unlimited,
    },
    memory::MemoryStore,
    store::StoreErrorKind,
};
use messaging_testkit::fake::{FailingStore, MockAccessPolicy};

use crate::support::*;

const CLIENTS: [&str; 4] = ["carl", "dora", "emil", "fred"];

fn client(name: &str) -> Actor {
    Actor::new(user(name), Role::Client)
}

fn newest_list() -> ListRequest {
    ListRequest::newest()
}

/// Ada's list: four clients have opened a conversation with her, and fred blocks her.
async fn ada_and_four_clients(messaging: &Messaging) -> Vec<ConversationId> {
    let mut ids = Vec::new();
    for name in CLIENTS {
        let opened = messaging
            .open_conversation(&client(name), &open("alpine", None))
            .await;
        let id = opened.unwrap().conversation.id();
        messaging
            .send_message(&client(name), &message(id, "hello", None))
            .await
            .unwrap();
        ids.push(id);
    }
    messaging.block(&client("fred"), ids[3]).await.unwrap();
    ids
}

async fn ruled() -> (World, ScriptedPolicy, Vec<ConversationId>) {
    let policy = ScriptedPolicy::new();
    let world = World::with(|builder| builder.policy(policy.clone()));
    let ids = ada_and_four_clients(&world.messaging).await;
    policy.checks();
    policy.pages();
    (world, policy, ids)
}

/// Returns whether ada can send, for each of her clients.
fn can_send(views: &[ConversationView]) -> Vec<(&str, bool)> {
    let of = |view: &ConversationView| {
        let client = view.summary.conversation.client_id.as_str();
        let name = CLIENTS.into_iter().find(|name| *name == client).unwrap();
        (name, view.can_send())
    };
    let mut all: Vec<_> = views.iter().map(of).collect();
    all.sort_unstable();
    all
}

async fn list(messaging: &Messaging, actor: &Actor) -> Vec<ConversationView> {
    let listed = messaging.list_conversations(actor, &newest_list()).await;
    listed.unwrap().conversations
}

const CORE_RULES: [(&str, bool); 4] = [("carl", true), ("dora", true), ("emil", true), ("fred", false)];

#[tokio::test]
async fn a_page_of_a_list_is_one_question_about_sendable_conversations() {
    let (world, policy, _) = ruled().await;
    policy.answer(|_, on| {
        if on.client_id.as_str() == "dora" {
            Answer::Refuse
        } else {
            Answer::Allow
        }
    });
    let listed = list(&world.messaging, &ada()).await;
    let expected = [("carl", true), ("dora", false), ("emil", true), ("fred", false)];
    assert_eq!(can_send(&listed), expected);
    let pages = policy.pages();
    let clients = |page: &Vec<Participants>| -> Vec<_> {
        page.iter().map(|on| on.client_id.as_str().to_owned()).collect()
    };
    let asked: Vec<_> = pages.iter().map(clients).collect();
    assert_eq!(
        asked,
        [["emil", "dora", "carl"]],
        "the question has the order of the page"
    );
    assert_eq!(policy.checks(), []);
}

#[tokio::test]
async fn every_view_of_a_conversation_follows_the_policy() {
    let (world, policy, ids) = ruled().await;
    let linked = open("alpine", Some("b-carl"));
    for (answer, expected) in [(Answer::Allow, true), (Answer::Refuse, false)] {
        policy.answer(move |action, _| match action {
            ParticipantAction::Send => answer,
            _ => Answer::Allow,
        });
        let opened = world.messaging.open_conversation(&carl(), &linked).await.unwrap();
        assert_eq!(opened.conversation.can_send(), expected);
        let details = world.messaging.find_conversation(&carl(), ids[0]).await.unwrap();
        assert_eq!(details.view.can_send(), expected);
        let request = HistoryRequest::newest(ids[0]);
        let page = world.messaging.history(&carl(), &request).await.unwrap();
        assert_eq!(page.conversation.can_send(), expected);
        let pages = policy.pages();
        assert_eq!(pages.len(), 3, "one question per view");
        for page in &pages {
            assert_eq!((page.len(), &page[0].bookings), (1, &vec![booking("b-carl")]));
        }
    }
}

#[tokio::test]
async fn without_sendable_conversations_the_policy_is_not_asked() {
    let (world, policy, ids) = ruled().await;
    assert_eq!(can_send(&list(&world.messaging, &root()).await).len(), 4);
    world.messaging.find_conversation(&root(), ids[0]).await.unwrap();
    world.messaging.find_conversation(&ada(), ids[3]).await.unwrap();
    assert_eq!(list(&world.messaging, &stranger()).await, []);
    assert_eq!(policy.pages(), Vec::<Vec<Participants>>::new());
}

#[tokio::test]
async fn without_a_ruling_can_send_follows_our_rules() {
    for answer in [Answer::Fail, Answer::Hang, Answer::Short] {
        let (world, policy, _) = ruled().await;
        policy.answer(move |_, on| {
            if on.client_id.as_str() == "dora" {
                answer
            } else {
                Answer::Refuse
            }
        });
        let counted = Counted::begin();
        let (log, _logging) = Log::begin();
        let ada = ada();
        let pass = async { world.clock.advance(Duration::from_secs(1)) };
        let (listed, ()) = tokio::join!(list(&world.messaging, &ada), pass);
        assert_eq!(can_send(&listed), CORE_RULES, "{answer:?}");
        let failures = "messaging_host_failures_total part=access_policy";
        assert_eq!(counted.take().get(failures), Some(&vec![1.0]), "{answer:?}");
        assert_eq!(
            log.lines("canSend follows our rules alone").len(),
            1,
            "{answer:?}"
        );
        assert_eq!(policy.pages().len(), 1);
    }
}

#[tokio::test]
async fn unlistable_bookings_leave_our_rules_and_are_not_listed_without_a_policy() {
    let (store, policy) = (FailingStore::new(MemoryStore::new()), ScriptedPolicy::new());
    let builder = || Messaging::builder(store.clone(), People).rate_limiter(Unlimited);
    let (plain, _) = builder().build().unwrap();
    ada_and_four_clients(&plain).await;
    assert_eq!(can_send(&list(&plain, &ada()).await), CORE_RULES);
    assert_eq!(store.calls_of("listing bookings"), 0);

    let (ruled, _) = builder().policy(policy.clone()).build().unwrap();
    policy.answer(|_, _| Answer::Refuse);
    let retry_after = Duration::from_secs(1);
    store.refuse("listing bookings", StoreErrorKind::Unavailable { retry_after });
    let (log, _logging) = Log::begin();
    assert_eq!(can_send(&list(&ruled, &ada()).await), CORE_RULES);
    assert_eq!(log.lines("canSend follows our rules alone").len(), 1);
    assert_eq!(policy.pages(), Vec::<Vec<Participants>>::new());
}

#[tokio::test]
async fn a_refused_mark_on_a_page_is_no_failure_and_not_logged() {
    let (world, policy, ids) = ruled().await;
    policy.answer(|_, _| Answer::Refuse);
    let request = HistoryRequest::newest(ids[0]);
    let (log, _logging) = Log::begin();
    let page = world.messaging.history(&ada(), &request).await.unwrap();
    assert_eq!(
        (page.conversation.unread_count(), page.conversation.can_send()),
        (1, false)
    );
    assert_eq!(log.lines(""), Vec::<String>::new());
}

/// A policy that only rules on single sends.
struct NotToDora;

#[async_trait]
impl AccessPolicy for NotToDora {
    async fn check(
        &self,
        _: &Actor,
        action: ParticipantAction,
        on: &Participants,
    ) -> Result<Ruling, HostError> {
        let is_refused = action == ParticipantAction::Send && on.client_id.as_str() == "dora";
        Ok(if is_refused {
            Ruling::refuse(REFUSAL)
        } else {
            Ruling::Allow
        })
    }
}

#[tokio::test]
async fn by_default_many_sends_are_ruled_on_one_after_the_other() {
    let participants = CLIENTS.map(|name| Participants::new(user(name), agent("alpine"), user("ada")));
    let rulings = NotToDora.check_send_many(&ada(), &participants).await.unwrap();
    let allowed: Vec<_> = rulings.iter().map(|ruling| *ruling == Ruling::Allow).collect();
    assert_eq!(allowed, [true, false, true, true]);

    let mut mock = MockAccessPolicy::new();
    mock.expect_check_send_many()
        .times(1)
        .returning(|_, on| Ok(vec![Ruling::refuse(REFUSAL); on.len()]));
    mock.expect_check().returning(|_, _, _| Ok(Ruling::Allow));
    let world = World::with(|builder| builder.policy(mock));
    let opened = world
        .messaging
        .open_conversation(&carl(), &open("alpine", None))
        .await;
    assert!(!opened.unwrap().conversation.can_send());
}
