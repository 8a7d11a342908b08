use futures_util::TryStreamExt;
use messaging_core::{
    domain::{
        change::Change,
        side::{PerSide, Recipients, Side},
        unread::ReadMark,
    },
    id::ConversationId,
    store::{
        Append, LaneDeferral, LaneFailure, Recount, RecountScan, SideRecount, Store, StoreError, Unpublished,
    },
    verify::{ConversationRange, Discrepancy, verify},
};

use super::support::{Scene, at_once, claim};
use crate::limit::Rounds;
use crate::make::{at, booking_id, plan, user_id, worker_id};

async fn verified(store: &dyn Store) -> Result<Vec<Discrepancy>, StoreError> {
    verify(store.recount().unwrap(), ConversationRange::all())
        .try_collect()
        .await
}

fn scan(after: Option<ConversationId>, up_to: Option<ConversationId>, limit: usize) -> RecountScan {
    RecountScan::new(limit).with_after(after).with_up_to(up_to)
}

async fn ids(store: &dyn Store, scan: RecountScan) -> Vec<ConversationId> {
    let recounts = store
        .recount()
        .unwrap()
        .recount_conversations(&scan)
        .await
        .unwrap();
    recounts.iter().map(|recount| recount.conversation.id).collect()
}

/// Recounts the single conversation.
async fn recount(scene: &Scene<'_>) -> Recount {
    let mut recounts = scene
        .store
        .recount()
        .unwrap()
        .recount_conversations(&scan(None, None, 10))
        .await
        .unwrap();
    assert_eq!(recounts.len(), 1, "{recounts:?}");
    recounts.remove(0)
}

/// Returns the unpublished entries and the lane's head. Where the store keeps a tail, it is at least the last
/// unpublished entry.
async fn waiting(scene: &Scene<'_>) -> (Option<Unpublished>, Option<u64>) {
    let Recount {
        unpublished, lane, ..
    } = recount(scene).await;
    let tail = lane.and_then(|lane| lane.tail);
    let last = unpublished.map(|unpublished| unpublished.last);
    assert!(tail.is_none() || tail >= last, "{tail:?} of {unpublished:?}");
    (unpublished, lane.map(|lane| lane.head))
}

const fn entries(first: u64, last: u64, count: u64) -> Unpublished {
    Unpublished::new(first, last, count)
}

/// Conversations opened in another order than that of their ids.
async fn four(store: &dyn Store) -> [ConversationId; 4] {
    for agency in [3, 1, 4, 2] {
        Scene::open(store, plan(1, agency)).await;
    }
    [1, 2, 3, 4].map(|agency| plan(1, agency).id)
}

pub(crate) async fn an_empty_store_has_no_recounts(store: &dyn Store) {
    assert_eq!(
        store
            .recount()
            .unwrap()
            .recount_conversations(&scan(None, None, 10))
            .await
            .unwrap(),
        []
    );
    assert_eq!(verified(store).await.unwrap(), []);
}

pub(crate) async fn a_conversation_just_opened_has_one_event(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let recount = recount(&scene).await;
    let expected = Recount::new(scene.conversation().await)
        .with_events(1)
        .with_unpublished(Some(entries(1, 1, 1)))
        .with_lane(recount.lane);
    assert_eq!(recount, expected);
    assert_eq!(waiting(&scene).await, (Some(entries(1, 1, 1)), Some(1)));
}

pub(crate) async fn messages_addressed_to_each_side_are_counted(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, 3).await;
    scene.send(Side::Agent).await;
    for to in [Recipients::Both, Recipients::Side(Side::Client)] {
        scene.send_from_system(to).await;
    }
    let recount = recount(&scene).await;
    assert_eq!((recount.events, recount.messages, recount.last_seq), (7, 6, 6));
    assert_eq!((recount.newest_at, recount.first_untimely), (Some(at(6)), None));
    let addressed = |addressed| SideRecount::default().with_addressed(addressed);
    let (client, agent) = (addressed(3), addressed(4));
    assert_eq!(recount.sides, PerSide { client, agent });
    assert_eq!(recount.conversation, scene.conversation().await);
}

pub(crate) async fn messages_read_by_each_side_are_counted(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let first = scene.send(Side::Client).await;
    scene.send(Side::Client).await;
    scene.send_from_system(Recipients::Side(Side::Client)).await;
    let own = scene.send(Side::Agent).await;
    scene.send(Side::Client).await;
    scene.read(Side::Agent, &first, at(10)).await;
    scene.read(Side::Agent, &own, at(11)).await;
    let sides = recount(&scene).await.sides;
    let (up_to_seq, at) = (own.seq, at(11));
    let agent = SideRecount::default()
        .with_addressed(3)
        .with_read(2)
        .with_last_receipt(Some(ReadMark::new(up_to_seq, at)));
    let client = SideRecount::default().with_addressed(2);
    assert_eq!(sides, PerSide { client, agent });
}

pub(crate) async fn a_dead_letter_is_not_unpublished(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, 2).await;
    let lane = claim(store, 1, at(9), 1).await.remove(0);
    let loaded = scene.entries().await;
    for (number, expected) in [
        (2, Some(entries(1, 3, 2))),
        (3, Some(entries(1, 1, 1))),
        (1, None),
    ] {
        let entry = &loaded[number - 1].entry;
        let dead_letters = store
            .dead_letter(worker_id(1), &lane, entry, "too large", at(9))
            .await;
        dead_letters.unwrap();
        assert_eq!(waiting(&scene).await.0, expected);
        assert_eq!(recount(&scene).await.events, 3);
        assert_eq!(verified(store).await.unwrap(), []);
    }
}

pub(crate) async fn published_events_are_not_unpublished(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, 2).await;
    let lease = claim(store, 1, at(9), 1).await[0].lease_until;
    let done = [scene.published(lease, 1)];
    store.acknowledge(worker_id(1), lease, &done).await.unwrap();
    assert_eq!(waiting(&scene).await, (Some(entries(2, 3, 2)), Some(2)));
    let done = [scene.published(lease, 3)];
    store.acknowledge(worker_id(1), lease, &done).await.unwrap();
    assert_eq!(waiting(&scene).await, (None, None));
    assert_eq!(recount(&scene).await.events, 3);
}

pub(crate) async fn any_steps_are_recounted_without_a_discrepancy(store: &dyn Store) {
    let mut plan_with_booking = plan(1, 1);
    plan_with_booking.booking_id = Some(booking_id(1, 1));
    let scene = Scene::open(store, plan_with_booking).await;
    let first = scene.send(Side::Client).await;
    scene.send_from_system(Recipients::Both).await;
    let answer = scene.send(Side::Agent).await;
    scene.read(Side::Agent, &first, at(0)).await;
    scene.read(Side::Client, &answer, at(20)).await;
    scene.link("another").await;
    for change in [
        Change::Block(Side::Agent),
        Change::Close,
        Change::Reassign(user_id("other-user")),
        Change::Reopen,
    ] {
        scene.change(change).await;
    }
    let mut overdue = scene.to_send(Side::Client).await;
    overdue.message.now = at(-60);
    scene.append(overdue).await;
    let lane = claim(store, 1, at(9), 1).await.remove(0);
    let done = [scene.published(lane.lease_until, 2)];
    store
        .acknowledge(worker_id(1), lane.lease_until, &done)
        .await
        .unwrap();
    let delay = LaneDeferral::new(scene.id, lane.lease_until, at(50)).with_failure(LaneFailure::Transport);
    store.defer_lanes(worker_id(1), &[delay]).await.unwrap();
    Scene::open(store, plan(1, 2)).await.drain().await;
    assert_eq!(verified(store).await.unwrap(), []);
}

pub(crate) async fn recounts_are_in_id_order_up_to_the_limit(store: &dyn Store) {
    let all = four(store).await;
    for limit in 0..=5 {
        assert_eq!(ids(store, scan(None, None, limit)).await, all[..limit.min(4)]);
    }
}

pub(crate) async fn a_range_excludes_its_start_and_includes_its_end(store: &dyn Store) {
    let all = four(store).await;
    assert_eq!(ids(store, scan(Some(all[0]), None, 10)).await, all[1..]);
    assert_eq!(ids(store, scan(None, Some(all[2]), 10)).await, all[..3]);
    assert_eq!(ids(store, scan(Some(all[0]), Some(all[2]), 10)).await, all[1..3]);
    assert_eq!(ids(store, scan(Some(all[3]), None, 10)).await, []);
    assert_eq!(ids(store, scan(Some(all[2]), Some(all[1]), 10)).await, []);
}

pub(crate) async fn small_chunks_visit_each_conversation_once(store: &dyn Store) {
    let all = four(store).await;
    for chunk in 1..=4 {
        let mut walked: Vec<ConversationId> = Vec::new();
        let mut chunks = Rounds::at_most(all.len() + 1, "no chunk was empty");
        loop {
            chunks.begin();
            let page = ids(store, scan(walked.last().copied(), Some(all[3]), chunk)).await;
            if page.is_empty() {
                break;
            }
            walked.extend(page);
        }
        assert_eq!(walked, all);
    }
}

pub(crate) async fn a_concurrent_step_is_recounted_as_a_whole(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let first = scene.to_send(Side::Client).await;
    let step = |n: usize| {
        let mut step: Append = first.clone();
        step.message.id = scene.message_id(u64::try_from(n).unwrap());
        step
    };
    let found = at_once(32, async |n| {
        if n % 4 == 0 {
            return verified(store).await;
        }
        store.append(&step(n)).await.map(|_| Vec::new())
    })
    .await;
    assert_eq!(found.concat(), []);
}
