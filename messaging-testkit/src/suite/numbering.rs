//! The outcome of a step contains the number of its entry, for every owner of the lane, and with or without
//! an existing lane.

use messaging_core::{
    domain::{change::Change, side::Side},
    store::{CommittedEntry, Marked, Publisher, Requeue, Store},
};

use super::support::{Scene, claim, done, requeued, stored};
use crate::make::{at, booking, plan, worker, worker_id};

/// The publishers of five steps, and whether each obtains a lane. The conversation has no lane before the
/// first and the fourth step.
fn publishers() -> [(Publisher, bool); 5] {
    [
        (worker(1, at(30)), true),
        (Publisher::Anyone, false),
        // The existing lane has no owner.
        (worker(1, at(30)), false),
        (worker(2, at(40)), true),
        // The existing lane has another owner.
        (worker(1, at(30)), false),
    ]
}

/// Checks that the newest entry has the number that the step returned.
async fn check(scene: &Scene<'_>, nth: usize, committed: &CommittedEntry) {
    let newest = scene.entries().await.pop().unwrap();
    assert_eq!(newest.entry.number, committed.number, "{nth}");
    let head = committed.lane.as_ref().map(|lane| lane.head);
    assert_eq!(head, publishers()[nth].1.then_some(committed.number), "{nth}");
    if [0, 2].contains(&nth) {
        scene.drain().await;
    }
}

pub(crate) async fn opening_answers_the_number_of_its_entry(store: &dyn Store) {
    for (nth, (publisher, _)) in publishers().into_iter().enumerate() {
        let opened = store.open(&plan(nth as u64 + 1, 1), publisher).await.unwrap();
        let scene = Scene { store, id: opened.id };
        let entry = opened.entry.unwrap();
        assert_eq!(scene.entries().await[0].entry.number, entry.number);
        let again = store.open(&plan(nth as u64 + 1, 1), publisher).await.unwrap();
        assert_eq!(again.entry, None, "opening again writes no entry");
    }
}

pub(crate) async fn linking_answers_the_number_of_its_entry(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.drain().await;
    for (nth, (publisher, _)) in publishers().into_iter().enumerate() {
        let mut step = plan(1, 1);
        step.booking_id = Some(booking(format!("b{nth}")));
        let opened = store.open(&step, publisher).await.unwrap();
        check(&scene, nth, &opened.entry.unwrap()).await;
    }
}

pub(crate) async fn sending_answers_the_number_of_its_entry(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.drain().await;
    for (nth, (publisher, _)) in publishers().into_iter().enumerate() {
        let step = scene.to_send(Side::Client).await;
        let stored = stored(scene.append(step.with_publisher(publisher)).await);
        check(&scene, nth, &stored.entry).await;
    }
}

pub(crate) async fn reading_answers_the_number_of_its_entry(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.link("b").await;
    let sent = scene.send_many(Side::Client, publishers().len()).await;
    scene.drain().await;
    for (nth, (publisher, _)) in publishers().into_iter().enumerate() {
        let step = scene.to_read(Side::Agent, sent[nth].id, at(9)).await;
        let marked = store.mark_read(&step.with_publisher(publisher)).await.unwrap();
        let Marked::Moved(moved) = marked else {
            panic!("{marked:?}")
        };
        check(&scene, nth, &moved.entry).await;
    }
}

pub(crate) async fn changing_answers_the_number_of_its_entry(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.drain().await;
    let changes = [
        Change::Close,
        Change::Reopen,
        Change::Block(Side::Client),
        Change::Unblock(Side::Client),
        Change::Close,
    ];
    for (nth, ((publisher, _), change)) in publishers().into_iter().zip(changes).enumerate() {
        let mut step = scene.to_change(change).await;
        step.publisher = publisher;
        let entry = done(store.change_state(&step).await.unwrap());
        check(&scene, nth, &entry).await;
    }
}

pub(crate) async fn unlinking_answers_the_number_of_its_entry(store: &dyn Store) {
    let scene = Scene::set(store).await;
    for nth in 0..publishers().len() {
        scene.link(&format!("b{nth}")).await;
    }
    scene.drain().await;
    for (nth, (publisher, _)) in publishers().into_iter().enumerate() {
        let mut step = scene.to_change(Change::Unlink(booking(format!("b{nth}")))).await;
        step.publisher = publisher;
        let entry = done(store.change_state(&step).await.unwrap());
        check(&scene, nth, &entry).await;
    }
}

pub(crate) async fn requeueing_answers_the_number_of_its_entry(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, publishers().len() - 1).await;
    let lane = claim(store, 9, at(500), 9).await.remove(0);
    let dead = scene.entries().await;
    for loaded in &dead {
        let step = store.dead_letter(worker_id(9), &lane, &loaded.entry, "no", at(9));
        step.await.unwrap();
    }
    let none = [scene.published(lane.lease_until, 0)];
    assert_eq!(store.acknowledge(worker_id(9), at(500), &none).await.unwrap(), []);
    for (nth, (publisher, _)) in publishers().into_iter().enumerate() {
        let step = Requeue::new(scene.id, dead[nth].entry.number, at(50), publisher);
        let committed = requeued(store.requeue(&step).await.unwrap());
        check(&scene, nth, &committed).await;
    }
}
