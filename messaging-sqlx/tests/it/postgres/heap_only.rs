//! Most messages update their conversation as a heap-only tuple, which adds no entry to an index.

use futures_util::future::join_all;
use messaging_core::{
    domain::side::Side,
    store::{Append, Appended, ConversationStore as _, MarkRead, Marked, Publisher},
};
use messaging_testkit::make::{at, client_id, conversation_id, message, message_id, plan};

use crate::support::postgres::SingleConnection;

/// The number of conversations: enough for a group commit.
const CONVERSATIONS: u64 = 5;

struct Scene(SingleConnection);

impl Scene {
    /// A conversation of client 1 with each agency.
    async fn new() -> Self {
        let single = SingleConnection::new().await;
        for agency in 1..=CONVERSATIONS {
            let opened = single.store.open(&plan(1, agency), Publisher::Anyone).await;
            opened.unwrap();
        }
        Self(single)
    }

    /// Returns how many rows of conversations a step updates, and how many of them as heap-only tuples.
    async fn updates<T>(&self, step: impl Future<Output = T>) -> (i64, i64) {
        let before = self.counted().await;
        step.await;
        let after = self.counted().await;
        (after.0 - before.0, after.1 - before.1)
    }

    async fn counted(&self) -> (i64, i64) {
        let mut connection = self.0.pool.acquire().await.unwrap();
        sqlx::query("SELECT pg_stat_force_next_flush()")
            .execute(&mut *connection)
            .await
            .unwrap();
        sqlx::query_as(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'conversation'",
        )
        .fetch_one(&mut *connection)
        .await
        .unwrap()
    }

    /// The client sends message `n` in the conversation with an agency.
    async fn send(&self, agency: u64, n: u32) {
        let step = Append::new(
            plan(1, agency).id,
            0,
            message(n, Side::Client, &client_id(1)),
            Publisher::Anyone,
        );
        let appended = self.0.store.append(&step).await.unwrap();
        assert!(matches!(appended, Appended::Stored(_)), "{appended:?}");
    }

    /// The client sends message `n` in each conversation, concurrently.
    async fn send_to_all(&self, n: u32) {
        join_all((1..=CONVERSATIONS).map(|agency| self.send(agency, n))).await;
    }

    /// The agent reads up to message `n` of the first conversation.
    async fn read(&self, n: u32) {
        let step = MarkRead::new(
            conversation_id(1_001),
            0,
            Side::Agent,
            message_id(u64::from(n)),
            at(i64::from(n)),
            Publisher::Anyone,
        );
        let marked = self.0.store.mark_read(&step).await.unwrap();
        assert!(matches!(marked, Marked::Moved(_)), "{marked:?}");
    }
}

#[tokio::test]
async fn only_the_first_unread_message_and_the_first_of_a_minute_change_an_index() {
    let scene = Scene::new().await;
    assert_eq!(
        scene.updates(scene.send(1, 1)).await,
        (1, 0),
        "unread messages begin"
    );
    for n in 2..8 {
        assert_eq!(scene.updates(scene.send(1, n)).await, (1, 1), "message {n}");
    }
    assert_eq!(
        scene.updates(scene.read(6)).await,
        (1, 1),
        "one message stays unread"
    );
    assert_eq!(scene.updates(scene.read(7)).await, (1, 0), "unread messages end");
    assert_eq!(scene.updates(scene.send(1, 60)).await, (1, 0), "a minute begins");
    assert_eq!(scene.updates(scene.send(1, 61)).await, (1, 1), "the same minute");
}

#[tokio::test]
async fn messages_of_one_commit_change_no_index_either() {
    let scene = Scene::new().await;
    let all = i64::try_from(CONVERSATIONS).unwrap();
    assert_eq!(scene.updates(scene.send_to_all(1)).await, (all, 0));
    assert_eq!(scene.updates(scene.send_to_all(2)).await, (all, all));
}
