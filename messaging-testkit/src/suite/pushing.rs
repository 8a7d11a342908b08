use std::collections::HashSet;

use messaging_core::{
    domain::side::Side,
    store::{PushMark, Store},
};

use super::support::{Scene, at_once};
use crate::make::at;

const AGENT: Side = Side::Agent;

fn push(scene: &Scene<'_>, side: Side, seq: u64, minute: i64) -> PushMark {
    PushMark::new(scene.id, side, seq, at(minute * 60), at((minute - 1) * 60))
}

pub(crate) async fn a_message_is_pushed_once_and_none_within_a_minute(store: &dyn Store) {
    let scene = Scene::set(store).await;
    for (side, seq, minute, is_admitted) in [
        (AGENT, 2, 10, true),
        (AGENT, 2, 20, false),
        (AGENT, 1, 20, false),
        (Side::Client, 1, 10, true),
        (AGENT, 3, 10, false),
        (AGENT, 3, 11, true),
        (AGENT, 4, 11, false),
    ] {
        let asked = push(&scene, side, seq, minute);
        assert_eq!(
            store.push().unwrap().admit_push(&asked).await.unwrap(),
            is_admitted,
            "{asked:?}"
        );
    }
}

pub(crate) async fn of_concurrent_pushes_one_is_admitted(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let asked = push(&scene, AGENT, 1, 10);
    let admitted = at_once(8, |_| store.push().unwrap().admit_push(&asked)).await;
    assert_eq!(admitted.iter().filter(|one| **one).count(), 1);
    assert_eq!(admitted.into_iter().collect::<HashSet<_>>().len(), 2);
}
