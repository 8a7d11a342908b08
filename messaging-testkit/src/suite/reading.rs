use messaging_core::{
    domain::{
        change::Change,
        receipt::Receipt,
        side::{Recipients, Side},
        unread::{ReadMark, UnreadCounter},
    },
    store::{EntryKind, Marked, Store},
};

use super::support::{Scene, at_once};
use crate::make::{at, conversation_id, message_id, plan, worker};

pub(crate) async fn reading_moves_the_position_to_the_message(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 3).await;
    let marked = scene.mark(Side::Agent, &sent[1], at(9)).await;
    let counter = UnreadCounter::default()
        .with_received(3)
        .with_read(2)
        .with_last_read(Some(ReadMark::new(2, at(9))));
    let receipt = Receipt::new(Side::Agent, 2, at(9));
    let Marked::Moved(moved) = marked else {
        panic!("expected a moved read position, not {marked:?}")
    };
    assert_eq!(
        (moved.receipt, moved.counter, moved.entry.lane),
        (receipt, counter, None)
    );
    assert_eq!(scene.counter(Side::Agent).await, counter);
}

pub(crate) async fn unread_counts_addressed_messages_after_the_read_position(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let mut sent = Vec::new();
    for side in [Side::Client, Side::Agent, Side::Client, Side::Client, Side::Agent] {
        sent.push(scene.send(side).await);
    }
    for (up_to, unread) in [(0, 2), (2, 1), (3, 0)] {
        scene.read(Side::Agent, &sent[up_to], at(9)).await;
        assert_eq!(scene.unread(Side::Agent).await, unread);
        assert_eq!(scene.unread(Side::Client).await, 2);
    }
}

pub(crate) async fn reading_never_moves_back(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 3).await;
    scene.read(Side::Agent, &sent[2], at(9)).await;
    let before = (scene.summary().await, scene.entries().await);
    for message in &sent {
        let marked = scene.mark(Side::Agent, message, at(99)).await;
        let counter = before.0.conversation.counters.agent;
        let read_at = Some(at(9));
        assert_eq!(marked, Marked::Already { counter, read_at });
    }
    assert_eq!((scene.summary().await, scene.entries().await), before);
}

pub(crate) async fn reading_again_returns_the_first_read_time(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 3).await;
    scene.read(Side::Agent, &sent[0], at(10)).await;
    scene.read(Side::Agent, &sent[2], at(20)).await;
    for (message, first) in sent.iter().zip([at(10), at(20), at(20)]) {
        match scene.mark(Side::Agent, message, at(99)).await {
            Marked::Already { read_at, .. } => assert_eq!(read_at, Some(first)),
            other => panic!("expected a message read before, not {other:?}"),
        }
    }
}

pub(crate) async fn own_messages_are_never_unread(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let own = scene.send(Side::Client).await;
    assert_eq!(scene.unread(Side::Client).await, 0);
    let marked = scene.mark(Side::Client, &own, at(9)).await;
    let counter = UnreadCounter::default();
    let read_at = None;
    assert_eq!(marked, Marked::Already { counter, read_at });
    assert_eq!(scene.entries().await.len(), 2, "the opening and the message");
}

pub(crate) async fn reading_up_to_an_own_message_reads_earlier_ones(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Agent).await;
    let own = scene.send(Side::Client).await;
    let later = scene.send(Side::Agent).await;
    let receipt = scene.read(Side::Client, &own, at(9)).await;
    assert_eq!((receipt.up_to_seq, scene.unread(Side::Client).await), (2, 1));
    let receipt = scene.read(Side::Client, &later, at(10)).await;
    assert_eq!((receipt.up_to_seq, scene.unread(Side::Client).await), (3, 0));
}

pub(crate) async fn system_messages_are_read_by_the_addressed_sides(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let to_client = scene.send_from_system(Recipients::Side(Side::Client)).await;
    let to_both = scene.send_from_system(Recipients::Both).await;
    assert!(matches!(
        scene.mark(Side::Agent, &to_client, at(9)).await,
        Marked::Already { read_at: None, .. }
    ));
    scene.read(Side::Client, &to_client, at(9)).await;
    assert_eq!(scene.unread(Side::Client).await, 1);
    scene.read(Side::Agent, &to_both, at(9)).await;
    assert_eq!(
        (scene.unread(Side::Client).await, scene.unread(Side::Agent).await),
        (1, 0)
    );
}

pub(crate) async fn a_message_of_another_conversation_is_unknown(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    let other = Scene::open(store, plan(1, 2)).await;
    let elsewhere = other.send(Side::Client).await;
    let before = (scene.summary().await, other.summary().await);
    for up_to in [elsewhere.id, message_id(77)] {
        let step = scene.to_read(Side::Agent, up_to, at(9)).await;
        assert_eq!(store.mark_read(&step).await.unwrap(), Marked::UnknownMessage);
    }
    assert_eq!((scene.summary().await, other.summary().await), before);
    assert_eq!(scene.entries().await.len(), 2, "the opening and the message");
}

pub(crate) async fn a_stale_access_version_changes_nothing(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Client).await;
    let decided = scene.to_read(Side::Agent, sent.id, at(9)).await;
    scene.change(Change::Block(Side::Client)).await;
    let before = (scene.summary().await, scene.entries().await);
    assert_eq!(store.mark_read(&decided).await.unwrap(), Marked::Conflict);
    let unknown = decided.with_up_to(message_id(77));
    assert_eq!(store.mark_read(&unknown).await.unwrap(), Marked::Conflict);
    assert_eq!((scene.summary().await, scene.entries().await), before);
}

pub(crate) async fn an_unknown_conversation_is_a_conflict(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Client).await;
    let elsewhere = scene
        .to_read(Side::Agent, sent.id, at(9))
        .await
        .with_conversation_id(conversation_id(9));
    assert_eq!(store.mark_read(&elsewhere).await.unwrap(), Marked::Conflict);
}

pub(crate) async fn concurrent_readers_end_at_the_furthest_message(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 8).await;
    let order = [3, 7, 1, 0, 5, 2, 6, 4];
    let mut steps = Vec::new();
    for n in order {
        steps.push(scene.to_read(Side::Agent, sent[n].id, at(20)).await);
    }
    let marked = at_once(steps.len(), |n| store.mark_read(&steps[n])).await;

    let counter = scene.counter(Side::Agent).await;
    assert_eq!((counter.read, counter.unread()), (8, 0));
    let moves = marked.iter().filter(|one| matches!(one, Marked::Moved(_)));
    let reads: Vec<_> = scene.entries_from(10).await;
    assert_eq!(reads.len(), moves.count(), "{marked:?}");
    let up_to = |kind| match kind {
        EntryKind::Read { up_to_seq, .. } => up_to_seq,
        other => panic!("expected reading outcomes only, not {other:?}"),
    };
    assert!(
        reads.is_sorted_by(|a, b| up_to(a.entry.kind) < up_to(b.entry.kind)),
        "{reads:?}"
    );
}

pub(crate) async fn concurrent_sending_and_reading_keep_the_count(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 4).await;
    let mut steps = Vec::new();
    let mut reads = Vec::new();
    for n in 0..4_u64 {
        let mut step = scene.to_send(Side::Client).await;
        step.message.id = scene.message_id(100 + n);
        steps.push(step);
        reads.push(
            scene
                .to_read(Side::Agent, sent[usize::try_from(n).unwrap()].id, at(9))
                .await,
        );
    }
    at_once(8, async |n: usize| {
        if n.is_multiple_of(2) {
            store.append(&steps[n / 2]).await.map(drop)
        } else {
            store.mark_read(&reads[n / 2]).await.map(drop)
        }
    })
    .await;
    let counter = scene.counter(Side::Agent).await;
    assert_eq!((counter.received, counter.read), (8, 4));
}

pub(crate) async fn reading_is_an_event_at_its_time(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Client).await;
    scene.read(Side::Agent, &sent, at(9)).await;
    let entries = scene.entries_from(3).await;
    let kind = EntryKind::Read {
        side: Side::Agent,
        up_to_seq: 1,
    };
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].entry.kind, entries[0].entry.at), (kind, at(9)));
}

pub(crate) async fn the_worker_that_reads_owns_the_new_lane(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Client).await;
    scene.drain().await;
    let step = scene
        .to_read(Side::Agent, sent.id, at(9))
        .await
        .with_publisher(worker(1, at(30)));
    match store.mark_read(&step).await.unwrap() {
        Marked::Moved(moved) => {
            let lane = moved.entry.lane.unwrap();
            assert_eq!(
                (lane.conversation_id, lane.head, lane.lease_until),
                (scene.id, 3, at(30))
            );
        }
        other => panic!("expected a lane of the worker, not {other:?}"),
    }
}
