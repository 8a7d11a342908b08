//! Presence lookups and their cache.

use std::{collections::HashMap, time::Duration};

use messaging_core::{host::presence::Presence as _, id::UserId};
use messaging_pusher::PusherOptions;

use crate::support::{
    fault_server::{Reply, status},
    hosted::{Fixture, user},
};

fn occupied(occupied: bool) -> Reply {
    Reply::Status(200, "", format!(r#"{{"occupied": {occupied}, "more": 1}}"#))
}

fn users(count: usize) -> Vec<UserId> {
    (0..count).map(|n| user(&format!("user-{n}"))).collect()
}

#[tokio::test]
async fn presence_is_whether_the_users_channel_is_occupied() {
    let fixture = Fixture::open().await;
    fixture.server.reply_all(occupied(true));
    let carl = user("carl@x");
    let online = fixture.pusher.online(std::slice::from_ref(&carl)).await.unwrap();
    assert_eq!(online, HashMap::from([(carl, true)]));
    let [request] = &fixture.server.requests()[..] else {
        panic!()
    };
    assert!(
        request
            .target
            .starts_with("/apps/3/channels/private-user-carl@x?"),
        "{}",
        request.target
    );
    assert_eq!((request.method.as_str(), request.body.as_str()), ("GET", ""));
}

#[tokio::test]
async fn a_result_is_cached_for_a_minute() {
    let fixture = Fixture::open().await;
    let (carl, both) = ([user("carl")], [user("ada"), user("carl")]);
    fixture
        .server
        .reply_next([occupied(true), occupied(false), occupied(false)]);
    for _ in 0..3 {
        assert!(fixture.pusher.online(&carl).await.unwrap()[&carl[0]]);
    }
    assert_eq!(fixture.server.requests().len(), 1);
    let online = fixture.pusher.online(&both).await.unwrap();
    assert_eq!((online[&both[0]], online[&both[1]]), (false, true));
    assert_eq!(fixture.server.requests().len(), 2);
    fixture.clock.advance(Duration::from_mins(1));
    assert!(!fixture.pusher.online(&carl).await.unwrap()[&carl[0]]);
    assert_eq!(fixture.server.requests().len(), 3);
}

#[tokio::test]
async fn a_failed_lookup_is_omitted_and_repeated_by_the_next_call() {
    let fixture = Fixture::open().await;
    let both = users(2);
    for _ in 0..2 {
        // The order of the two lookups is not defined.
        fixture.server.reply_next([status(500), occupied(true)]);
        let online = fixture.pusher.online(&both).await.unwrap();
        assert!(
            online.len() == 1 && online.values().all(|online| *online),
            "{online:?}"
        );
        fixture.clock.advance(Duration::from_mins(1));
    }
    fixture.server.reply_all(status(500));
    assert!(fixture.pusher.online(&both).await.is_err(), "no lookup succeeded");
    fixture.server.reply_all(Reply::Status(200, "", "{}".to_owned()));
    assert!(
        fixture.pusher.online(&both).await.is_err(),
        "the response contains no presence"
    );
    assert_eq!(fixture.pusher.online(&[]).await.unwrap(), HashMap::new());
}

#[tokio::test]
async fn concurrent_lookups_are_limited() {
    let fixture = Fixture::open().await;
    fixture.server.reply_all(occupied(true));
    let many = users(100);
    assert_eq!(fixture.pusher.online(&many).await.unwrap().len(), 100);
    assert!(
        fixture.server.connections() <= 8,
        "{}",
        fixture.server.connections()
    );
}

#[tokio::test]
async fn the_size_of_the_cache_is_limited() {
    let fixture = Fixture::open_with(PusherOptions::default().with_presence_capacity(10)).await;
    fixture.server.reply_all(occupied(true));
    let many = users(20);
    fixture.pusher.online(&many).await.unwrap();
    fixture.pusher.online(&many).await.unwrap();
    assert_eq!(fixture.server.requests().len(), 30);
}
