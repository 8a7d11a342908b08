//! Rate limits of two servers together, as users meet them.

#![expect(clippy::disallowed_methods, reason = "the servers use real time")]

use std::{
    thread,
    time::{Duration, Instant},
};

use messaging_test_postgres::{Database, PgServer};
use messaging_tests::{Caller, Settings};

/// 30 per minute, of which 10 at once.
const BURST: u128 = 10;
const EVERY: Duration = Duration::from_secs(2);
const TRIES: usize = 60;

/// Sends repeatedly, and returns how many sends were admitted.
fn flood(caller: &Caller, conversation_id: &str, name: &str) -> usize {
    let send = |n| {
        caller
            .send(conversation_id, "again", &format!("{name}-{n}"))
            .unwrap()
    };
    let answers = (0..TRIES).map(send);
    let admitted = answers.filter(|answer| {
        assert!(matches!(answer.status, 201 | 429), "{answer:?}");
        answer.status == 201
    });
    admitted.count()
}

#[test]
fn two_servers_on_one_database_never_admit_more_than_one_would() {
    let database = Database::create_blocking(PgServer::shared());
    let data = tempfile::tempdir().unwrap();
    let start = || {
        Settings::in_directory(data.path())
            .with_env("DATABASE_URL", database.url())
            .with_env("RATE_LIMITS", "on")
            .start()
    };
    let servers = [start(), start()];
    let id = servers[0].caller("client-1").open("agency-1");
    let began = Instant::now();
    let admitted: usize = thread::scope(|scope| {
        let floods = servers.each_ref().map(|server| {
            let (caller, id, name) = (server.caller("client-1"), &id, server.address().to_string());
            scope.spawn(move || flood(&caller, id, &name))
        });
        floods.into_iter().map(|flood| flood.join().unwrap()).sum()
    });
    let most = BURST + began.elapsed().as_millis() / EVERY.as_millis();
    assert!(
        BURST <= admitted as u128 && admitted as u128 <= most,
        "{admitted} of at most {most}"
    );
    let stored = servers[1].caller("agent-1").walk(&id);
    assert_eq!(stored.len(), admitted, "a refused message is not stored");
    let other = servers[0]
        .caller("agent-1")
        .send(&id, "Please stop", "k")
        .unwrap();
    assert_eq!(other.status, 201, "other users are not limited");
}
