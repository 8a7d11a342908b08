//! A store that fails at each call in turn, with or without effect: the error says whether to repeat, the
//! repetition succeeds, and no message is lost, duplicated or miscounted.

use std::time::Duration;

use futures_util::future::BoxFuture;
use messaging_core::{
    ConversationId, Error, ErrorKind, HistoryRequest, ListRequest, MessageId, Messaging, Workers,
    clock::{ManualClock, SequentialIds},
    host::rate_limit::Unlimited,
    memory::MemoryStore,
    participant::MarkOnRead,
    store::StoreErrorKind,
    transport::TransportErrorKind,
};
use messaging_testkit::{
    fake::{Effect, FailingStore},
    recount,
};

use crate::support::*;

struct Failing {
    messaging: Messaging,
    workers: Workers,
    store: FailingStore<MemoryStore>,
    realtime: Recorder,
    clock: ManualClock,
    id: ConversationId,
    last: MessageId,
}

/// A conversation with two published messages for ada, and one message that is a dead letter.
async fn scene() -> Failing {
    let store = FailingStore::new(MemoryStore::new());
    let (realtime, clock) = (Recorder::new(), ManualClock::new());
    let (messaging, workers) = Messaging::builder(store.clone(), People)
        .rate_limiter(Unlimited)
        .realtime(realtime.clone())
        .clock(clock.clone())
        .ids(SequentialIds::default())
        .build()
        .unwrap();
    let opened = messaging
        .open_conversation(&carl(), &open("alpine", None))
        .await
        .unwrap();
    let id = opened.conversation.summary.conversation.id;
    messaging
        .send_message(&carl(), &message(id, "one", None))
        .await
        .unwrap();
    let last = messaging
        .send_message(&carl(), &message(id, "two", None))
        .await
        .unwrap()
        .message
        .row
        .message
        .id;
    while workers.relay().step().await.unwrap() > 0 {}
    realtime.take();

    realtime.fail(|_| Some(TransportErrorKind::Refused));
    messaging
        .send_message(&carl(), &message(id, "dead letter", None))
        .await
        .unwrap();
    while messaging.operations().health().await.unwrap().backlog.lanes > 0 {
        workers.relay().step().await.unwrap();
        clock.advance(Duration::from_secs(30));
    }
    realtime.fail(|_| None);
    Failing {
        messaging,
        workers,
        store,
        realtime,
        clock,
        id,
        last,
    }
}

type UseCase = fn(&Failing) -> BoxFuture<'_, Result<(), Error>>;

const USE_CASES: &[(&str, UseCase)] = &[
    ("open", |on| {
        Box::pin(async {
            on.messaging
                .open_conversation(&carl(), &open("baltic", Some("b-baltic")))
                .await
                .map(drop)
        })
    }),
    ("send", |on| {
        Box::pin(async {
            on.messaging
                .send_message(&carl(), &message(on.id, "three", Some("k")))
                .await
                .map(drop)
        })
    }),
    ("mark read", |on| {
        Box::pin(async { on.messaging.mark_read(&ada(), on.id, on.last).await.map(drop) })
    }),
    ("history", |on| {
        Box::pin(async {
            let request = HistoryRequest::newest(on.id).with_mark(MarkOnRead::Yes);
            on.messaging.history(&ada(), &request).await.map(drop)
        })
    }),
    ("admin's history", |on| {
        Box::pin(async {
            let request = HistoryRequest::newest(on.id).with_mark(MarkOnRead::No);
            on.messaging.history(&root(), &request).await.map(drop)
        })
    }),
    ("list", |on| {
        Box::pin(async {
            let request = ListRequest::newest();
            on.messaging.list_conversations(&root(), &request).await.map(drop)
        })
    }),
    ("find", |on| {
        Box::pin(async { on.messaging.find_conversation(&root(), on.id).await.map(drop) })
    }),
    ("total", |on| {
        Box::pin(async { on.messaging.count_unread(&ada()).await.map(drop) })
    }),
    ("block", |on| {
        Box::pin(async { on.messaging.block(&ada(), on.id).await })
    }),
    ("close", |on| {
        Box::pin(async { on.messaging.admin(&root())?.close(on.id).await })
    }),
    ("reassign", |on| {
        Box::pin(async {
            on.messaging
                .operations()
                .reassign_agent(&agent("alpine"), &user("new"))
                .await
                .map(drop)
        })
    }),
    ("list dead letters", |on| {
        Box::pin(async {
            let listed = on.messaging.operations().list_dead_letters(None, 9).await?;
            let Some(last) = listed.last() else { return Ok(()) };
            on.messaging
                .operations()
                .list_dead_letters(Some(&last.position()), 9)
                .await
                .map(drop)
        })
    }),
    ("requeue", |on| {
        Box::pin(async {
            on.messaging
                .operations()
                .requeue(on.id, DEAD_LETTER)
                .await
                .map(drop)
        })
    }),
];

/// The entry number of the dead letter, after the opening and two messages.
const DEAD_LETTER: u64 = 4;

/// Returns the error of the use case for a store's failure; `None` if the use case may recover by itself.
fn expected(failure: StoreErrorKind) -> Option<fn(&ErrorKind) -> bool> {
    match failure {
        StoreErrorKind::Retry => None,
        StoreErrorKind::OutcomeUnknown => Some(|kind| *kind == ErrorKind::OutcomeUnknown),
        StoreErrorKind::Internal | StoreErrorKind::Corrupt => Some(|kind| *kind == ErrorKind::Internal),
        _ => Some(|kind| matches!(kind, ErrorKind::Unavailable { .. })),
    }
}

async fn check(name: &str, use_case: UseCase, failure: StoreErrorKind, effect: Effect) {
    let on = scene().await;
    let before = on.store.calls();
    use_case(&on).await.unwrap();
    let calls = on.store.calls() - before;
    assert!(calls > 0, "{name}");
    for nth in 1..=calls {
        let case = format!("{name}, call {nth} of {calls}, {failure:?}, {effect:?}");
        let on = scene().await;
        on.store.fail(nth, failure, effect);
        let answer = use_case(&on).await;
        match (answer, expected(failure)) {
            (Err(error), Some(expected)) => assert!(expected(error.kind()), "{case}: {error}"),
            (Ok(()), Some(_)) => panic!("{case}: the failure was not reported"),
            (Ok(()) | Err(_), None) => {}
        }
        use_case(&on)
            .await
            .unwrap_or_else(|error| panic!("{case}: repeated: {error}"));
        while on.workers.relay().step().await.unwrap() > 0 {}
        recount(on.store.inner()).await.unwrap().assert_clean();
        assert_eq!(
            on.messaging.operations().health().await.unwrap().backlog.lanes,
            0,
            "{case}"
        );
        let expected = match name {
            "send" => vec!["three"],
            "requeue" => vec!["dead letter"],
            _ => vec![],
        };
        assert_eq!(texts(&on.realtime.take()), expected, "{case}");
    }
}

#[tokio::test]
async fn every_use_case_survives_a_store_that_fails_at_each_call_in_turn() {
    let unavailable = StoreErrorKind::Unavailable {
        retry_after: Duration::from_secs(1),
    };
    for (name, use_case) in USE_CASES {
        for failure in [
            unavailable,
            StoreErrorKind::ReadOnly,
            StoreErrorKind::Retry,
            StoreErrorKind::Internal,
        ] {
            check(name, *use_case, failure, Effect::None).await;
        }
        for effect in [Effect::None, Effect::Taken] {
            check(name, *use_case, StoreErrorKind::OutcomeUnknown, effect).await;
        }
    }
}

#[tokio::test]
async fn an_access_that_cannot_be_audited_is_refused() {
    let on = scene().await;
    // The first call finds the conversation, the second one writes the audit record.
    on.store.fail(2, StoreErrorKind::ReadOnly, Effect::None);
    let refused = on
        .messaging
        .admin(&root())
        .unwrap()
        .close(on.id)
        .await
        .unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Unavailable { .. }));
    on.messaging
        .send_message(&carl(), &message(on.id, "still open", None))
        .await
        .unwrap();
}

#[tokio::test]
async fn the_relay_survives_a_store_that_fails_at_each_call_in_turn() {
    for effect in [Effect::None, Effect::Taken] {
        for nth in 1..=4 {
            let on = scene().await;
            for text in ["three", "four"] {
                on.messaging
                    .send_message(&carl(), &message(on.id, text, None))
                    .await
                    .unwrap();
            }
            on.store.fail(nth, StoreErrorKind::OutcomeUnknown, effect);
            for _ in 0..4 {
                drop(on.workers.relay().step().await);
                on.clock.advance(Duration::from_secs(11));
            }
            let mut texts = texts(&on.realtime.take());
            texts.dedup();
            let repeated = ["three", "four", "three", "four"];
            assert!(
                texts == repeated[..2] || texts == repeated,
                "call {nth}: {texts:?}"
            );
            assert_eq!(
                on.messaging.operations().health().await.unwrap().backlog.lanes,
                0,
                "call {nth}"
            );
            recount(on.store.inner()).await.unwrap().assert_clean();
        }
    }
}
