//! Who is connected: a question, and what is remembered of its answer.

use std::{collections::HashMap, time::Duration};

use messaging_core::{host::presence::Presence as _, id::UserId};
use messaging_pusher::PusherOptions;

use crate::support::{
    fault_server::{Reply, status},
    hosted::{House, user},
};

fn occupied(occupied: bool) -> Reply {
    Reply::Status(200, "", format!(r#"{{"occupied": {occupied}, "more": 1}}"#))
}

fn users(count: usize) -> Vec<UserId> {
    (0..count).map(|n| user(&format!("user-{n}"))).collect()
}

#[tokio::test]
async fn it_is_asked_whether_anyone_listens_to_the_users_channel() {
    let house = House::open().await;
    house.server.answer_all(occupied(true));
    let carl = user("carl@x");
    let online = house.pusher.online(std::slice::from_ref(&carl)).await.unwrap();
    assert_eq!(online, HashMap::from([(carl, true)]));
    let [asked] = &house.server.asked()[..] else {
        panic!()
    };
    assert!(
        asked.target.starts_with("/apps/3/channels/private-user-carl@x?"),
        "{}",
        asked.target
    );
    assert_eq!((asked.method.as_str(), asked.body.as_str()), ("GET", ""));
}

#[tokio::test]
async fn an_answer_is_remembered_for_a_minute() {
    let house = House::open().await;
    let (carl, at_home) = ([user("carl")], [user("ada"), user("carl")]);
    house
        .server
        .answer_next([occupied(true), occupied(false), occupied(false)]);
    for _ in 0..3 {
        assert!(house.pusher.online(&carl).await.unwrap()[&carl[0]]);
    }
    assert_eq!(house.server.asked().len(), 1);
    let online = house.pusher.online(&at_home).await.unwrap();
    assert_eq!((online[&at_home[0]], online[&at_home[1]]), (false, true));
    assert_eq!(house.server.asked().len(), 2);
    house.clock.advance(Duration::from_mins(1));
    assert!(!house.pusher.online(&carl).await.unwrap()[&carl[0]]);
    assert_eq!(house.server.asked().len(), 3);
}

#[tokio::test]
async fn who_could_not_be_asked_for_is_unknown_and_asked_for_again() {
    let house = House::open().await;
    let both = users(2);
    for _ in 0..2 {
        // Which of the two is asked for first is open.
        house.server.answer_next([status(500), occupied(true)]);
        let online = house.pusher.online(&both).await.unwrap();
        assert!(
            online.len() == 1 && online.values().all(|online| *online),
            "{online:?}"
        );
        house.clock.advance(Duration::from_mins(1));
    }
    house.server.answer_all(status(500));
    assert!(
        house.pusher.online(&both).await.is_err(),
        "nobody could be asked for"
    );
    house.server.answer_all(Reply::Status(200, "", "{}".to_owned()));
    assert!(house.pusher.online(&both).await.is_err(), "that says nothing");
    assert_eq!(house.pusher.online(&[]).await.unwrap(), HashMap::new());
}

#[tokio::test]
async fn few_questions_are_under_way_at_once() {
    let house = House::open().await;
    house.server.answer_all(occupied(true));
    let many = users(100);
    assert_eq!(house.pusher.online(&many).await.unwrap().len(), 100);
    assert!(house.server.connections() <= 8, "{}", house.server.connections());
}

#[tokio::test]
async fn only_so_many_users_are_remembered() {
    let house = House::open_with(PusherOptions::default().with_presence_capacity(10)).await;
    house.server.answer_all(occupied(true));
    let many = users(20);
    house.pusher.online(&many).await.unwrap();
    house.pusher.online(&many).await.unwrap();
    assert_eq!(house.server.asked().len(), 30);
}
