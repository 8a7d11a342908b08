//! The extras of a message are stored and returned unchanged. Messages of the other cases have extras as
//! well, so the comparisons of reports, digests and erasures cover them.

use std::array;

use messaging_core::{
    domain::{
        message::{Message, MessageExtras},
        side::Side,
    },
    store::{Appended, Direction, ListStart, Store, Subject},
};

use super::support::{Scene, at_once, list, stored};
use crate::make::{client_scope, extras, key};

/// The maximum size that the core writes.
const MAX_COUNT: usize = 64 * 1024;

/// No extras, and texts whose bytes an encoding might change.
fn all() -> [Option<MessageExtras>; 6] {
    [
        None,
        Some(extras("")),
        Some(extras("{\"b\": 1,  \"a\":\t[null],\"b\":2.0}")),
        Some(extras(" '\\x41' $1 ?1 %s \u{301}e 🏔\r\n ")),
        Some(extras("x".repeat(MAX_COUNT))),
        None,
    ]
}

/// Each message is read by every query, and twice by its key.
pub(crate) async fn extras_come_back_whole_wherever_their_message_does(store: &dyn Store) {
    let scene = Scene::set(store).await;
    for (n, extras) in all().into_iter().enumerate() {
        let mut step = scene.to_send(Side::Client).await;
        step.message.idempotency_key = Some(key(format!("k{n}")));
        step.message.extras.clone_from(&extras);
        let sent = stored(scene.append(step.clone()).await).message;
        let check = |message: Option<Message>, by: &str| {
            assert_eq!(message.as_ref(), Some(&sent), "{n} {by}");
        };
        assert_eq!(sent.extras, extras);
        let Appended::Duplicate(again) = scene.append(step.clone()).await else {
            panic!("the key is a duplicate")
        };
        check(Some(again.message), "returned by a repeated send");
        let key = step.message.idempotency_key.as_ref().unwrap();
        let found = store.find_sent(scene.id, sent.origin.sender(), key).await;
        check(found.unwrap().map(|row| row.message), "found by its key");
        let page = scene.history(Direction::Newest, 1).await;
        check(page.summary.last_message, "newest in a history's summary");
        check(
            page.rows.into_iter().next().map(|row| row.message),
            "in a history",
        );
        check(scene.summary().await.last_message, "newest in the summary");
        let mut page = list(store, &client_scope(1), ListStart::Newest, 1).await;
        check(page.rows.remove(0).last_message, "newest in a list");
        let loaded = scene.entries().await.pop().unwrap();
        let Subject::Message(row) = loaded.subject else {
            panic!("the newest entry is a message")
        };
        check(Some(row.message), "in a loaded entry");
    }
}

/// Also if the store writes several messages together.
pub(crate) async fn extras_of_messages_sent_at_once_are_not_mixed_up(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let first = scene.to_send(Side::Client).await;
    let steps: [_; 24] = array::from_fn(|n| {
        let mut step = first.clone();
        step.message.id = scene.message_id(n as u64 + 1);
        step.message.extras = (n % 3 > 0).then(|| extras(format!("of {n}")));
        step
    });
    let sent = at_once(steps.len(), |n| store.append(&steps[n])).await;
    for (step, sent) in steps.iter().zip(sent) {
        assert_eq!(stored(sent).message.extras, step.message.extras);
    }
    for row in scene.history(Direction::Newest, 100).await.rows {
        let step = steps.iter().find(|step| step.message.id == row.message.id);
        assert_eq!(row.message.extras, step.unwrap().message.extras);
    }
}
