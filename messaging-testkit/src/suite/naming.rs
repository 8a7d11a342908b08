use messaging_core::{
    domain::{scope::ListScope, side::Side},
    id::{AgentId, BookingId, UserId},
    store::{Publisher, Store},
    time::Timestamp,
};

use super::support::{Scene, stored};
use crate::make::{booking, conversation_id, plan, user_id};

/// All characters that a host's id may contain.
fn alphabet() -> String {
    ('!'..='~').collect()
}

pub(crate) async fn host_ids_are_stored_byte_for_byte(store: &dyn Store) {
    for (n, text) in (1..).zip([alphabet(), "x".repeat(255), "'".to_owned(), "null".to_owned()]) {
        let plan = plan(1, 1)
            .with_id(conversation_id(n))
            .with_client_id(UserId::parse(&text).unwrap())
            .with_agent_id(AgentId::parse(&text).unwrap())
            .with_agent_user_id(UserId::parse(format!("u{}", &text[1..])).unwrap())
            .with_booking_id(Some(BookingId::parse(&text).unwrap()));
        let scene = Scene::open(store, plan.clone()).await;
        let conversation = scene.conversation().await;
        assert_eq!(conversation.client_id, plan.client_id);
        assert_eq!(conversation.agent_id, plan.agent_id);
        assert_eq!(conversation.agent_user_id, plan.agent_user_id);
        assert_eq!(store.list_bookings(scene.id).await.unwrap(), [booking(&text)]);
        let scope = ListScope::Client(plan.client_id);
        assert_eq!(store.count_conversations(&scope, 9).await.unwrap(), 1, "{text}");
    }
}

pub(crate) async fn ids_that_differ_in_case_are_different(store: &dyn Store) {
    for (n, (client, agent)) in (1..).zip([("a", "a"), ("A", "a"), ("a", "A"), ("a%", "_")]) {
        let plan = plan(1, 1)
            .with_id(conversation_id(n))
            .with_client_id(user_id(client))
            .with_agent_id(AgentId::parse(agent).unwrap());
        let opened = store.open(&plan, Publisher::Anyone).await.unwrap();
        assert!(opened.created, "{client} and {agent}");
    }
    let count = async |name| {
        let scope = ListScope::Client(user_id(name));
        store.count_conversations(&scope, 9).await.unwrap()
    };
    assert_eq!((count("a").await, count("A").await), (2, 1));
}

pub(crate) async fn bookings_that_differ_in_case_are_different(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.link("b").await;
    scene.link("B").await;
    let listed = store.list_bookings(scene.id).await.unwrap();
    assert_eq!(listed, ["B", "b"].map(booking));
}

pub(crate) async fn all_times_are_stored_to_the_millisecond(store: &dyn Store) {
    let moments = [0, 1, 1_767_225_600_123, i64::MAX].map(Timestamp::from_millis);
    for (agency, moment) in (1..).zip(moments) {
        let mut plan = plan(1, agency);
        plan.now = moment;
        let scene = Scene::open(store, plan).await;
        let mut step = scene.to_send(Side::Client).await;
        step.message.now = moment;
        let sent = stored(scene.append(step).await).message;
        assert_eq!(sent.created_at, moment);
        let conversation = scene.conversation().await;
        assert_eq!(
            (conversation.created_at, conversation.activity_at),
            (moment, moment)
        );
        assert_eq!(scene.read(Side::Agent, &sent, moment).await.read_at, moment);
        assert_eq!(scene.read_time(Side::Agent, 1).await, Some(moment));
    }
}
