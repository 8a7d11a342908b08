use crate::support::sqlite::{Contents, Place, append, at, run_all_steps, worker};
use messaging_core::store::{Appended, Claim, ConversationStore, OutboxStore};
use messaging_sqlx::{SqliteOptions, SqliteStore};

#[tokio::test]
async fn all_data_survives_a_restart() {
    let place = Place::new();
    let store = place.open().await;
    run_all_steps(&store).await;
    let before = Contents::of(&store).await;
    store.close().await;

    let store = place.open().await;
    assert_eq!(Contents::of(&store).await, before);
    assert!(matches!(
        store.append(&append(1, 10)).await.unwrap(),
        Appended::Duplicate(_)
    ));
}

#[tokio::test]
async fn a_lane_keeps_its_owner_over_a_restart() {
    let place = Place::new();
    let store = place.open().await;
    run_all_steps(&store).await;
    store.close().await;

    let store = place.open().await;
    let claim = async |now| {
        store
            .claim_lanes(&Claim::new(worker(2), at(now), at(30), 9))
            .await
    };
    assert_eq!(claim(14).await.unwrap().len(), 1);
    assert_eq!(claim(15).await.unwrap().len(), 1);
}

#[tokio::test]
async fn acknowledged_steps_survive_a_crash() {
    let place = Place::new();
    let store = place.open().await;
    run_all_steps(&store).await;
    let before = Contents::of(&store).await;

    // The files as a killed process leaves them: the database and its log.
    let after = Place::new();
    for (from, to) in [("messaging.db", ""), ("messaging.db-wal", "-wal")] {
        let mut copy = after.path().into_os_string();
        copy.push(to);
        std::fs::copy(place.path().with_file_name(from), copy).unwrap();
    }
    assert_eq!(Contents::of(&after.open().await).await, before);
}

#[tokio::test]
async fn closing_leaves_one_complete_file() {
    let place = Place::new();
    let store = place.open().await;
    let clone = store.clone();
    run_all_steps(&store).await;
    store.close().await;
    assert_eq!(place.files(), ["messaging.db", "messaging.db.workers"]);

    let error = clone.append(&append(1, 16)).await.unwrap_err();
    assert_eq!(error.to_string(), "appending a message: the store is unavailable");
    let error = clone.backlog().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "measuring the backlog: the store is unavailable"
    );
    clone.close().await;
}

#[tokio::test]
async fn a_name_that_looks_like_a_url_or_memory_is_a_file() {
    let place = Place::new();
    for name in ["file:a?mode=memory", ":memory:", "sqlite:b", "ü ñ%20#.db"] {
        let path = place.path().with_file_name(name);
        let store = SqliteStore::open_migrated(&path, &SqliteOptions::default())
            .await
            .unwrap();
        store.close().await;
        assert!(path.is_file(), "{name}");
    }
}
