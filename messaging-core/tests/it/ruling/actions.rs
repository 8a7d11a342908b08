//! Every action, with each ruling of the host's policy.

use std::{task::Poll, time::Duration};

use futures_util::poll;
use messaging_core::{
    ConversationId, Error, ErrorKind,
    admin::ReportsRequest,
    domain::{page::PageSize, report::Remark},
    event::Typing,
    host::access::ParticipantAction,
    participant::NewReport,
    store::{ConversationStore, Direction, HistoryScan},
};

use super::{refusal, ruled};
use crate::support::*;

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Performs an action, in a conversation in which carl has sent a message and, for unblocking, ada has
/// blocked him.
async fn perform(action: ParticipantAction, world: &World, id: ConversationId) -> Result<(), Error> {
    let messaging = &world.messaging;
    match action {
        ParticipantAction::Open => {
            let opened = messaging.open_conversation(&carl(), &open("baltic", None)).await;
            opened.map(drop)
        }
        ParticipantAction::Send => {
            let sent = messaging.send_message(&ada(), &message(id, "hello", None)).await;
            sent.map(drop)
        }
        ParticipantAction::MarkRead => {
            let page = world.store.list_messages(&newest_of(id)).await.unwrap().unwrap();
            let marked = messaging.mark_read(&ada(), id, page.rows[0].message.id).await;
            marked.map(drop)
        }
        ParticipantAction::Typing => messaging.set_typing(&ada(), id, Typing::Started, None).await,
        ParticipantAction::Block => messaging.block(&ada(), id).await,
        ParticipantAction::Unblock => messaging.unblock(&ada(), id).await,
        ParticipantAction::Report => {
            let report = NewReport::new(Remark::parse("rude").unwrap());
            messaging.report(&ada(), id, &report).await.map(drop)
        }
        other => panic!("{other:?} has no test"),
    }
}

fn newest_of(conversation_id: ConversationId) -> HistoryScan {
    HistoryScan::new(conversation_id, Direction::Newest, PageSize::HISTORY)
}

/// Returns all state that an action can change, and the published events.
async fn state(world: &World, id: ConversationId) -> String {
    world.drain().await;
    let request = ReportsRequest::newest();
    let conversation = world.store.find_conversation(id.into()).await.unwrap();
    let messages = world.store.list_messages(&newest_of(id)).await.unwrap();
    let reports = world
        .messaging
        .admin(&root())
        .unwrap()
        .list_reports(&request)
        .await
        .unwrap();
    let events = event_lines(&world.realtime.take());
    let count = world.count_conversations().await;
    format!("{conversation:?} {messages:?} {reports:?} {events} {count}")
}

async fn ready_for(action: ParticipantAction) -> (World, ScriptedPolicy, ConversationId, String) {
    let (world, policy) = ruled();
    let id = world.open().await;
    world.send(&carl(), id, "hello").await;
    if action == ParticipantAction::Unblock {
        world.messaging.block(&ada(), id).await.unwrap();
    }
    state(&world, id).await;
    let before = state(&world, id).await;
    (world, policy, id, before)
}

fn answers(policy: &ScriptedPolicy, action: ParticipantAction, answer: Answer) {
    policy.answer(move |asked, _| if asked == action { answer } else { Answer::Allow });
    policy.checks();
}

/// Whether an action is allowed without a ruling.
const fn passes(action: ParticipantAction) -> bool {
    use ParticipantAction::{Block, MarkRead, Report, Unblock};
    matches!(action, MarkRead | Block | Unblock | Report)
}

fn host_failures(counted: &Counted) -> Option<Vec<f64>> {
    let mut counted = counted.take();
    counted.remove("messaging_host_failures_total part=access_policy")
}

#[tokio::test]
async fn every_action_is_allowed_and_refused_by_the_policy() {
    for action in ParticipantAction::ALL {
        for answer in [Answer::Allow, Answer::Refuse] {
            let (world, policy, id, before) = ready_for(action).await;
            answers(&policy, action, answer);
            let outcome = perform(action, &world, id).await;
            let asked: Vec<_> = policy.checks().into_iter().map(|(asked, _)| asked).collect();
            assert!(asked.contains(&action) && asked.iter().all(|asked| *asked == action));
            let after = state(&world, id).await;
            if answer == Answer::Allow {
                outcome.unwrap();
                assert_ne!(after, before, "{action:?}");
            } else {
                assert_eq!(kind(outcome), refusal(), "{action:?}");
                assert_eq!(after, before, "{action:?}");
            }
        }
    }
}

#[tokio::test]
async fn without_a_ruling_actions_on_the_other_side_are_unavailable_and_the_rest_passes() {
    for action in ParticipantAction::ALL {
        for answer in [Answer::Fail, Answer::Hang] {
            let (world, policy, id, before) = ready_for(action).await;
            answers(&policy, action, answer);
            let counted = Counted::begin();
            let (log, _logging) = Log::begin();
            let outcome = {
                let mut taken = Box::pin(perform(action, &world, id));
                if answer == Answer::Hang {
                    assert!(poll!(taken.as_mut()).is_pending(), "{action:?}");
                    world.clock.advance(Duration::from_millis(999));
                    assert!(poll!(taken.as_mut()).is_pending(), "{action:?}");
                    world.clock.advance(Duration::from_millis(1));
                }
                match poll!(taken.as_mut()) {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => panic!("{action:?} waits for more than a second"),
                }
            };
            assert_eq!(host_failures(&counted), Some(vec![1.0]), "{action:?}");
            let passed = log.lines("access policy failed; the action passes");
            let after = state(&world, id).await;
            if passes(action) {
                outcome.unwrap();
                assert_ne!(after, before, "{action:?}");
                assert_eq!(passed.len(), 1, "{action:?}");
            } else {
                let retry_after = RETRY_AFTER;
                assert_eq!(
                    kind(outcome),
                    ErrorKind::Unavailable { retry_after },
                    "{action:?}"
                );
                assert_eq!(after, before, "{action:?}");
                assert_eq!(passed.len(), 0, "{action:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_policy_is_not_asked_about_refused_actions_admins_or_reads() {
    let (world, policy) = ruled();
    let id = world.open().await;
    world.messaging.block(&ada(), id).await.unwrap();
    policy.checks();
    policy.answer(|_, _| Answer::Refuse);
    let sent = world
        .messaging
        .send_message(&carl(), &message(id, "hello", None))
        .await;
    assert_eq!(kind(sent), ErrorKind::Blocked);
    for outcome in [
        world.messaging.block(&stranger(), id).await,
        world.messaging.unblock(&root(), id).await,
        async { world.messaging.admin(&carl())?.close(id).await }.await,
    ] {
        outcome.unwrap_err();
    }
    let opened = world
        .messaging
        .open_conversation(&ada(), &open("alpine", None))
        .await;
    assert_eq!(kind(opened), FORBIDDEN);
    world.messaging.admin(&root()).unwrap().close(id).await.unwrap();
    world.messaging.admin(&root()).unwrap().reopen(id).await.unwrap();
    world.messaging.find_conversation(&ada(), id).await.unwrap();
    world.messaging.count_unread(&ada()).await.unwrap();
    assert_eq!(policy.checks(), []);
}

#[tokio::test]
async fn a_repeated_send_that_the_policy_now_refuses_returns_the_original() {
    let (world, policy) = ruled();
    let id = world.open().await;
    let send = message(id, "hello", Some("k"));
    let first = world.messaging.send_message(&carl(), &send).await.unwrap();
    policy.answer(|_, _| Answer::Refuse);
    let again = world.messaging.send_message(&carl(), &send).await.unwrap();
    assert_eq!((again.created, again.message), (false, first.message));
    let other = world
        .messaging
        .send_message(&carl(), &message(id, "hello", Some("k2")))
        .await;
    assert_eq!(kind(other), refusal());
}

#[tokio::test]
async fn the_error_contains_the_hosts_message() {
    let (world, policy) = ruled();
    let id = world.open().await;
    policy.answer(|_, _| Answer::Refuse);
    let refused = world
        .messaging
        .send_message(&carl(), &message(id, "hello", None))
        .await;
    let text = refused.unwrap_err().to_string();
    assert_eq!(text, format!("sending a message: forbidden: {REFUSAL}"));
}
