use messaging_core::{
    domain::side::Side,
    store::{Backlog, DeadLetter, Direction, Entry, Lane, Publisher, Requeue, Store},
};

use super::support::{Scene, claim};
use crate::limit::Rounds;
use crate::make::{at, plan, worker_id};

/// A conversation whose events 1 to 3 worker 1 publishes, with a lease until second 30.
pub(super) struct Claimed<'a> {
    pub(super) scene: Scene<'a>,
    pub(super) lane: Lane,
    pub(super) entries: Vec<Entry>,
}

impl<'a> Claimed<'a> {
    pub(super) async fn set(store: &'a dyn Store) -> Self {
        let scene = Scene::set(store).await;
        scene.send_many(Side::Client, 2).await;
        let lane = claim(store, 1, at(0), 10).await.remove(0);
        let entries = scene.entries().await.into_iter().map(|one| one.entry);
        let entries = entries.collect();
        Self { scene, lane, entries }
    }

    /// Moves the entry with that number to the dead letters.
    pub(super) async fn dead_letter(&self, by: u64, number: usize, why: &str, now: i64) {
        let entry = &self.entries[number - 1];
        let step = self
            .scene
            .store
            .dead_letter(worker_id(by), &self.lane, entry, why, at(now));
        step.await.unwrap();
    }

    pub(super) async fn acknowledge(&self, up_to: u64) -> Vec<Lane> {
        let done = [self.scene.published(self.lane.lease_until, up_to)];
        let acknowledged = self.scene.store.acknowledge(worker_id(1), at(40), &done);
        acknowledged.await.unwrap()
    }

    pub(super) async fn numbers(&self) -> Vec<u64> {
        let entries = self.scene.entries().await;
        entries.iter().map(|one| one.entry.number).collect()
    }
}

pub(crate) async fn a_dead_letter_leaves_its_lane_and_is_listed(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    let why = "413: „zu groß“ '\\%";
    claimed.dead_letter(1, 1, why, 9).await;
    assert_eq!(claimed.numbers().await, [2, 3]);
    let expected = DeadLetter::new(claimed.entries[0].clone(), why.to_owned(), at(9));
    assert_eq!(store.list_dead_letters(None, 10).await.unwrap(), [expected]);
}

pub(crate) async fn a_lane_continues_after_a_dead_letter(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    claimed.dead_letter(1, 1, "no", 9).await;
    let rest = claimed.acknowledge(1).await;
    assert_eq!((rest[0].head, claimed.numbers().await), (2, vec![2, 3]));
}

pub(crate) async fn entries_before_and_after_a_dead_letter_are_published(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    claimed.dead_letter(1, 2, "no", 9).await;
    assert_eq!(claimed.numbers().await, [1, 3]);
    assert_eq!(claimed.acknowledge(3).await, []);
    let expected = Backlog::default().with_dead_letters(1);
    assert_eq!(store.backlog().await.unwrap(), expected);
}

pub(crate) async fn a_lane_whose_last_entry_is_a_dead_letter_ends(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    claimed.dead_letter(1, 3, "no", 9).await;
    assert_eq!(claimed.acknowledge(3).await, []);
    assert_eq!(claim(store, 2, at(999), 10).await, []);
    claimed.scene.send(Side::Client).await;
    assert_eq!(claim(store, 2, at(999), 10).await[0].head, 4);
}

pub(crate) async fn a_lane_left_without_entries_ends_when_it_is_acknowledged(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    for number in 1..=3 {
        claimed.dead_letter(1, number, "no", 9).await;
    }
    // The worker may have died before it acknowledged: the next one finds no entry to load.
    for lane in claim(store, 2, at(30), 10).await {
        let done = [claimed.scene.published(lane.lease_until, lane.head - 1)];
        assert_eq!(store.acknowledge(worker_id(2), at(90), &done).await.unwrap(), []);
    }
    assert_eq!(claim(store, 3, at(999), 10).await, []);
    assert_eq!(store.backlog().await.unwrap().lanes, 0);
}

pub(crate) async fn dead_letters_are_listed_oldest_first(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    for (number, now) in [(2, 10), (1, 20), (3, 30)] {
        claimed.dead_letter(1, number, "no", now).await;
    }
    for limit in [1, 2, 3, 100] {
        let listed = store.list_dead_letters(None, limit).await.unwrap();
        let numbers: Vec<_> = listed.iter().map(|one| one.entry.number).collect();
        assert_eq!(numbers, [2, 1, 3][..limit.min(3)]);
    }
}

pub(crate) async fn dead_letters_are_listed_in_pages(store: &dyn Store) {
    let mut all = Vec::new();
    for agency in 1..=3 {
        let scene = Scene::open(store, plan(1, agency)).await;
        scene.send_many(Side::Client, 2).await;
        let lane = claim(store, 1, at(0), 10).await.remove(0);
        for loaded in scene.entries().await {
            // Many at one time: they are ordered by conversation and number.
            let now = at(10 - i64::from(loaded.entry.number == 2));
            let step = store.dead_letter(worker_id(1), &lane, &loaded.entry, "no", now);
            step.await.unwrap();
            all.push((now, scene.id, loaded.entry.number));
        }
    }
    all.sort_unstable();
    let place = |one: &DeadLetter| (one.at, one.entry.conversation_id, one.entry.number);
    for size in 1..=all.len() {
        let mut walked = store.list_dead_letters(None, size).await.unwrap();
        let mut pages = Rounds::at_most(all.len(), "not every dead letter has been listed");
        while walked.len() < all.len() {
            pages.begin();
            let last = walked.last().unwrap().position();
            let page = store.list_dead_letters(Some(&last), size).await.unwrap();
            assert!((1..=size).contains(&page.len()), "{page:?}");
            walked.extend(page);
        }
        assert_eq!(walked.iter().map(place).collect::<Vec<_>>(), all);
    }
}

pub(crate) async fn paging_continues_after_its_last_dead_letter_was_requeued(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    for (number, now) in [(1, 10), (2, 20), (3, 30)] {
        claimed.dead_letter(1, number, "no", now).await;
    }
    let second = store.list_dead_letters(None, 2).await.unwrap().remove(1);
    let step = Requeue::new(claimed.scene.id, 2, at(40), Publisher::Anyone);
    store.requeue(&step).await.unwrap();
    let rest = store
        .list_dead_letters(Some(&second.position()), 10)
        .await
        .unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].entry.number, 3);
    assert_eq!(
        store
            .list_dead_letters(Some(&rest[0].position()), 10)
            .await
            .unwrap(),
        []
    );
}

pub(crate) async fn dead_lettering_an_entry_twice_lists_it_once(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    claimed.dead_letter(1, 1, "first", 9).await;
    claimed.dead_letter(1, 1, "second", 10).await;
    let listed = store.list_dead_letters(None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].why, "first");
}

pub(crate) async fn a_worker_that_does_not_own_the_lane_makes_no_dead_letter(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    claimed.dead_letter(2, 1, "no", 9).await;
    assert_eq!(store.list_dead_letters(None, 10).await.unwrap(), []);
    assert_eq!(claimed.numbers().await, [1, 2, 3]);
}

pub(crate) async fn an_earlier_lease_makes_no_dead_letter(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    assert_eq!(claim(store, 1, at(30), 10).await.len(), 1);
    claimed.dead_letter(1, 1, "no", 9).await;
    assert_eq!(store.list_dead_letters(None, 10).await.unwrap(), []);
    assert_eq!(claimed.numbers().await, [1, 2, 3]);
}

pub(crate) async fn a_message_whose_event_is_a_dead_letter_stays_in_the_history(store: &dyn Store) {
    let claimed = Claimed::set(store).await;
    claimed.dead_letter(1, 2, "no", 9).await;
    let seqs = claimed.scene.seqs(Direction::Newest, 10).await;
    assert_eq!(seqs, (vec![1, 2], false));
    assert_eq!(claimed.scene.unread(Side::Agent).await, 2);
}
