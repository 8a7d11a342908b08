use messaging_core::{
    domain::{
        activity::{Activity, FirstReplies},
        calendar::{BucketUnit, Buckets},
        change::Change,
        message::Message,
        opening::PreparedOpen,
        side::{Recipients, Side},
    },
    id::{AgentId, ConversationId},
    store::{ActivityScan, Store},
    time::Timestamp,
};

use super::support::{Scene, stored};
use crate::make::{agency_id, at, plan, secs, user_id};

const HOUR: i64 = 3_600;

/// A plan whose id encodes the time of its execution, as generated ids do.
fn plan_at(client: u64, agency: u64, now: Timestamp) -> PreparedOpen {
    let millis = now.as_millis().unsigned_abs();
    let random = (1_000 * client + agency).to_be_bytes();
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&random);
    bytes[2] &= 0x3f;
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid();
    plan(client, agency)
        .with_id(ConversationId::new(id))
        .with_now(now)
}

async fn opened(store: &dyn Store, client: u64, agency: u64, hour: i64) -> Scene<'_> {
    let plan = plan_at(client, agency, at(hour * HOUR));
    Scene::open(store, plan).await
}

/// Sends a message at the given second.
async fn send_at(scene: &Scene<'_>, side: Side, seconds: i64) -> Message {
    let mut step = scene.to_send(side).await;
    step.message.now = at(seconds);
    stored(scene.append(step).await).message
}

/// Counts in hourly buckets, 0 to `hours`, in UTC.
async fn count(store: &dyn Store, hours: i64, agent: Option<AgentId>) -> Vec<Activity> {
    let buckets = Buckets::in_utc(at(0), at(hours * HOUR), BucketUnit::Hour).unwrap();
    let scan = ActivityScan::new(buckets).with_agent_id(agent);
    store.activity().unwrap().count_activity(&scan).await.unwrap()
}

fn each<T>(counted: &[Activity], of: impl Fn(&Activity) -> T) -> Vec<T> {
    counted.iter().map(of).collect()
}

pub(crate) async fn an_empty_store_has_empty_buckets(store: &dyn Store) {
    assert_eq!(count(store, 3, None).await, [Activity::default(); 3]);
}

pub(crate) async fn a_bucket_includes_its_start_and_excludes_its_end(store: &dyn Store) {
    let scene = opened(store, 1, 1, 0).await;
    for seconds in [0, HOUR - 1, HOUR, 3 * HOUR] {
        send_at(&scene, Side::Client, seconds).await;
    }
    opened(store, 1, 2, 1).await;
    opened(store, 1, 3, 3).await;
    let counted = count(store, 3, None).await;
    assert_eq!(each(&counted, |it| it.messages), [2, 1, 0]);
    assert_eq!(each(&counted, |it| it.opened), [1, 1, 0]);
}

pub(crate) async fn system_messages_count_for_no_user(store: &dyn Store) {
    let scene = opened(store, 1, 1, 0).await;
    scene.send_from_system(Recipients::Both).await;
    let counted = count(store, 1, None).await;
    assert_eq!(
        (counted[0].messages, counted[0].active_users, counted[0].opened),
        (0, 0, 1)
    );
}

pub(crate) async fn a_user_who_sent_or_read_is_active_once(store: &dyn Store) {
    let scene = opened(store, 1, 1, 0).await;
    let other = opened(store, 1, 2, 0).await;
    let first = send_at(&scene, Side::Client, 10).await;
    send_at(&scene, Side::Client, 20).await;
    send_at(&other, Side::Client, 30).await;
    assert_eq!(
        count(store, 1, None).await[0].active_users,
        1,
        "one client, in two conversations"
    );
    scene.read(Side::Agent, &first, at(40)).await;
    scene
        .read(
            Side::Agent,
            &send_at(&scene, Side::Client, 50).await,
            at(HOUR + 1),
        )
        .await;
    let counted = count(store, 2, None).await;
    assert_eq!(each(&counted, |it| it.active_users), [2, 1]);
}

pub(crate) async fn a_user_on_both_sides_counts_once(store: &dyn Store) {
    let plan = plan_at(9, 2, at(0)).with_client_id(user_id("agent-1"));
    let (scene, other) = (opened(store, 1, 1, 0).await, Scene::open(store, plan).await);
    send_at(&scene, Side::Agent, 10).await;
    send_at(&other, Side::Client, 20).await;
    assert_eq!(count(store, 1, None).await[0].active_users, 1);
}

pub(crate) async fn a_first_reply_counts_at_its_time_with_the_clients_wait(store: &dyn Store) {
    let scene = opened(store, 1, 1, 0).await;
    send_at(&scene, Side::Agent, 5).await;
    scene.send_from_system(Recipients::Both).await;
    send_at(&scene, Side::Client, 100).await;
    send_at(&scene, Side::Client, 200).await;
    send_at(&scene, Side::Agent, HOUR + 100).await;
    send_at(&scene, Side::Client, HOUR + 200).await;
    send_at(&scene, Side::Agent, HOUR + 201).await;
    let counted = count(store, 3, None).await;
    let expected = FirstReplies::default()
        .with_count(1)
        .with_median(Some(secs(3_600)))
        .with_p95(Some(secs(3_600)));
    assert_eq!(
        each(&counted, |it| it.first_replies),
        [FirstReplies::default(), expected, FirstReplies::default()]
    );
}

pub(crate) async fn an_unanswered_conversation_has_no_first_reply(store: &dyn Store) {
    let scene = opened(store, 1, 1, 0).await;
    send_at(&scene, Side::Agent, 5).await;
    send_at(&scene, Side::Client, 100).await;
    let counted = count(store, 1, None).await;
    assert_eq!((counted[0].messages, counted[0].first_replies.count), (2, 0));
}

pub(crate) async fn percentiles_are_actual_waits(store: &dyn Store) {
    for n in 1..=21 {
        let scene = opened(store, n, 1, 0).await;
        let wait = i64::try_from(n).unwrap() * 7;
        send_at(&scene, Side::Client, 100).await;
        send_at(&scene, Side::Agent, 100 + wait).await;
    }
    let expected = FirstReplies::default()
        .with_count(21)
        .with_median(Some(secs(77)))
        .with_p95(Some(secs(140)));
    assert_eq!(count(store, 1, None).await[0].first_replies, expected);
}

pub(crate) async fn an_agents_activity_is_that_of_its_conversations(store: &dyn Store) {
    for agency in [1, 2] {
        let scene = opened(store, agency, agency, 0).await;
        let asked = send_at(&scene, Side::Client, 10).await;
        scene.read(Side::Agent, &asked, at(20)).await;
        if agency == 2 {
            send_at(&scene, Side::Agent, 30).await;
        }
    }
    let of = async |agency| count(store, 1, Some(agency_id(agency))).await[0];
    let numbers = |it: Activity| (it.messages, it.opened, it.active_users, it.first_replies.count);
    assert_eq!(numbers(of(1).await), (1, 1, 2, 0));
    assert_eq!(numbers(of(2).await), (2, 1, 2, 1));
    assert_eq!(numbers(of(3).await), (0, 0, 0, 0));
    assert_eq!(numbers(count(store, 1, None).await[0]), (3, 2, 4, 1));
}

pub(crate) async fn a_reassigned_conversation_still_counts(store: &dyn Store) {
    let scene = opened(store, 1, 1, 0).await;
    send_at(&scene, Side::Client, 10).await;
    scene.change(Change::Reassign(user_id("new"))).await;
    send_at(&scene, Side::Agent, 70).await;
    let counted = count(store, 1, Some(agency_id(1))).await[0];
    assert_eq!((counted.messages, counted.active_users), (2, 2));
    assert_eq!(counted.first_replies.median, Some(secs(60)));
}

pub(crate) async fn many_buckets_are_counted_together(store: &dyn Store) {
    for hour in [0, 499, 998, 999] {
        let scene = opened(store, 1 + u64::try_from(hour).unwrap(), 1, hour).await;
        send_at(&scene, Side::Client, hour * HOUR + 1).await;
    }
    let counted = count(store, 1_000, None).await;
    let busy: Vec<_> = (0..1_000).filter(|hour| counted[*hour].messages > 0).collect();
    assert_eq!((counted.len(), busy), (1_000, vec![0, 499, 998, 999]));
    assert!(
        counted
            .iter()
            .all(|it| it.opened == it.messages && it.active_users == it.messages)
    );
}
