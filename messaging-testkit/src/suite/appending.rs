use messaging_core::{
    domain::{
        message::Origin,
        side::{PerSide, Recipients, Side},
    },
    store::{Appended, Direction, EntryKind, Publisher, Store},
};

use super::support::{Scene, at_once, stored};
use crate::make::{at, body, conversation_id, plan, worker};

pub(crate) async fn seqs_are_one_two_three_in_each_conversation(store: &dyn Store) {
    let scenes = [Scene::set(store).await, Scene::open(store, plan(1, 2)).await];
    for seq in 1..=3 {
        for scene in &scenes {
            assert_eq!(scene.send(Side::Client).await.seq, seq);
        }
    }
}

pub(crate) async fn concurrent_sends_get_dense_seqs_and_times_that_never_decrease(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let first = scene.to_send(Side::Client).await;
    let steps: Vec<_> = (1..=16_u32)
        .map(|n| {
            first.clone().with_message(
                first
                    .message
                    .clone()
                    .with_id(scene.message_id(u64::from(n)))
                    .with_now(at(i64::from(n * 7 % 16))),
            )
        })
        .collect();
    let sent = at_once(steps.len(), |n| store.append(&steps[n])).await;

    let mut messages: Vec<_> = sent.into_iter().map(|one| stored(one).message).collect();
    messages.sort_by_key(|message| message.seq);
    let seqs: Vec<_> = messages.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..=16).collect::<Vec<_>>());
    assert!(
        messages.is_sorted_by_key(|message| message.created_at),
        "{messages:?}"
    );
    assert!(
        messages
            .iter()
            .all(|m| m.positions.agent == m.seq && m.positions.client == 0)
    );
    assert_eq!(scene.unread(Side::Agent).await, 16);
}

pub(crate) async fn the_result_equals_the_stored_message(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let step = scene.to_send(Side::Agent).await;
    let answer = stored(scene.append(step.clone()).await);

    let mut conversation = scene.conversation().await;
    assert_eq!(answer.conversation, conversation);
    assert_eq!(scene.summary().await.last_message.as_ref(), Some(&answer.message));
    let page = scene.history(Direction::Newest, 10).await;
    assert_eq!(page.rows.len(), 1);
    assert_eq!(page.rows[0].message, answer.message);

    conversation.last_seq = 0;
    conversation.counters = PerSide::default();
    assert_eq!(answer.message, conversation.append(&step.message));
}

pub(crate) async fn positions_count_what_was_addressed_to_each_side(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = [
        scene.send(Side::Client).await,
        scene.send(Side::Agent).await,
        scene.send_from_system(Recipients::Both).await,
        scene.send_from_system(Recipients::Side(Side::Client)).await,
        scene.send_from_system(Recipients::Side(Side::Agent)).await,
        scene.send(Side::Client).await,
    ];
    let positions = sent.map(|message| (message.positions.client, message.positions.agent));
    assert_eq!(positions, [(0, 1), (1, 1), (2, 2), (3, 2), (3, 3), (3, 4)]);
    assert_eq!(scene.unread(Side::Client).await, 3);
    assert_eq!(scene.unread(Side::Agent).await, 4);
}

pub(crate) async fn message_times_do_not_decrease_when_the_clock_is_set_back(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let mut times = Vec::new();
    for now in [at(50), at(20), at(-9_999), at(51)] {
        let mut step = scene.to_send(Side::Client).await;
        step.message.now = now;
        let sent = stored(scene.append(step).await);
        assert_eq!(sent.conversation.activity_at, sent.message.created_at);
        times.push(sent.message.created_at);
    }
    assert_eq!(times, [at(50), at(50), at(50), at(51)]);
}

pub(crate) async fn no_message_is_older_than_its_conversation(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let mut step = scene.to_send(Side::Client).await;
    step.message.now = at(-60);
    assert_eq!(stored(scene.append(step).await).message.created_at, at(0));
    assert_eq!(scene.conversation().await.created_at, at(0));
}

pub(crate) async fn a_stale_access_version_changes_nothing(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    let before = (scene.summary().await, scene.entries().await);
    let step = scene.to_send(Side::Client).await;
    for access_version in [step.access_version + 1, u32::MAX] {
        let stale = step.clone().with_access_version(access_version);
        assert_eq!(scene.append(stale).await, Appended::Conflict);
    }
    assert_eq!((scene.summary().await, scene.entries().await), before);
    assert_eq!(scene.seqs(Direction::Newest, 10).await, (vec![1], false));
}

pub(crate) async fn a_conflicting_send_succeeds_on_the_new_access_version(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let step = scene.to_send(Side::Client).await;
    let stale = step.clone().with_access_version(step.access_version + 1);
    assert_eq!(scene.append(stale).await, Appended::Conflict);
    assert_eq!(stored(scene.append(step).await).message.seq, 1);
}

pub(crate) async fn an_unknown_conversation_is_a_conflict(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let elsewhere = scene
        .to_send(Side::Client)
        .await
        .with_conversation_id(conversation_id(9));
    assert_eq!(scene.append(elsewhere).await, Appended::Conflict);
}

pub(crate) async fn a_message_is_an_event_at_its_time(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    let mut late = scene.to_send(Side::Agent).await;
    late.message.now = at(-5);
    scene.append(late).await;
    let entries = scene.entries_from(2).await;
    let seen: Vec<_> = entries
        .iter()
        .map(|e| (e.entry.number, e.entry.kind, e.entry.at))
        .collect();
    let message = |seq| EntryKind::Message { seq };
    assert_eq!(seen, [(2, message(1), at(1)), (3, message(2), at(1))]);
}

pub(crate) async fn only_the_send_that_creates_the_lane_gets_it(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.drain().await;
    let send = async |publisher| {
        let step = scene.to_send(Side::Client).await.with_publisher(publisher);
        stored(scene.append(step).await).entry.lane
    };
    let lane = send(worker(1, at(30))).await.unwrap();
    assert_eq!(
        (lane.conversation_id, lane.head, lane.lease_until),
        (scene.id, 2, at(30))
    );
    assert_eq!(send(worker(1, at(40))).await, None);
    assert_eq!(send(worker(2, at(40))).await, None);
    assert_eq!(send(Publisher::Anyone).await, None);
}

pub(crate) async fn a_text_is_stored_byte_for_byte(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let texts = [
        "😀".repeat(2_000),
        "a\n\tb".to_owned(),
        "'; DROP TABLE message; -- \" \\ % _ $1 ?1 {} <b>&amp;</b>".to_owned(),
        "\u{200f}שלום\u{2066} مرحبا é".to_owned(),
    ];
    for text in texts {
        let mut step = scene.to_send(Side::Client).await;
        step.message.body = body(&text);
        scene.append(step).await;
        let page = scene.history(Direction::Newest, 1).await;
        assert_eq!(page.rows[0].message.body.stored_text(), body(&text).stored_text());
    }
}

pub(crate) async fn the_sender_is_stored_unchanged(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    scene.send(Side::Agent).await;
    scene.send_from_system(Recipients::Both).await;
    scene.send_from_system(Recipients::Side(Side::Client)).await;
    scene.send_from_system(Recipients::Side(Side::Agent)).await;
    let conversation = scene.conversation().await;
    let by = |side| Origin::user(side, conversation.user(side).clone());
    let page = scene.history(Direction::Newest, 10).await;
    let origins: Vec<_> = page.rows.into_iter().map(|row| row.message.origin).collect();
    let system = Origin::system;
    assert_eq!(
        origins,
        [
            by(Side::Client),
            by(Side::Agent),
            system(Recipients::Both),
            system(Recipients::Side(Side::Client)),
            system(Recipients::Side(Side::Agent))
        ]
    );
}
