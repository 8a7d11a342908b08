//! Messages of the client, and the outcomes of sending them.

use messaging_core::{
    domain::side::Side,
    store::{Append, Appended, Publisher, Store},
};
use messaging_testkit::make::{client_id, conversation_id, key, message};

/// A step that sends message `n` of the client, under a key of its own.
pub(crate) fn send(n: u32) -> Append {
    let mut message = message(n, Side::Client, &client_id(1));
    message.idempotency_key = Some(key(n.to_string()));
    Append::new(conversation_id(1_001), 0, message, Publisher::Anyone)
}

/// Sends message `n`, and returns whether this call stored it.
pub(crate) async fn is_stored(store: &dyn Store, n: u32) -> bool {
    match store.append(&send(n)).await.unwrap() {
        Appended::Stored(stored) => stored.message.id == send(n).message.id,
        Appended::Duplicate(row) => {
            assert_eq!(row.message.id, send(n).message.id);
            false
        }
        other => panic!("expected an unchanged conversation, not {other:?}"),
    }
}

/// Like [`is_stored`], but decides again after each concurrent change of the conversation, such as a link of
/// a booking.
pub(crate) async fn is_stored_in_the_end(store: &dyn Store, n: u32) -> bool {
    // More than the number of changes in any test.
    for _ in 0..1_000 {
        let of = send(n).conversation_id;
        let access_version = store
            .find_conversation(of.into())
            .await
            .unwrap()
            .unwrap()
            .access_version;
        match store
            .append(&send(n).with_access_version(access_version))
            .await
            .unwrap()
        {
            Appended::Stored(_) => return true,
            Appended::Duplicate(_) => return false,
            Appended::Conflict => {}
            other => panic!("no send has this outcome: {other:?}"),
        }
    }
    panic!("the conversation keeps changing")
}
