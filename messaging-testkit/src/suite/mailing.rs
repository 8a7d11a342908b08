//! Digest extents, attempts and marks.

use messaging_core::{
    domain::{
        change::Change,
        digest::{DigestMark, Extent},
        side::{Recipients, Side},
    },
    id::{ConversationId, DigestId},
    store::{DigestAttempt, DigestLease, DigestPostponement, DigestUser, Excerpt, Store},
    time::Timestamp,
};
use uuid::Uuid;

use super::{
    due::{LEASE, claim, due, names},
    support::Scene,
};
use crate::make::{agent_user_id, at, booking_id, client_id, conversation_id, plan, secs, worker_id};

const AGENT: Side = Side::Agent;

fn extent(conversation_id: ConversationId, side: Side, up_to: u64) -> Extent {
    Extent::new(conversation_id, side, up_to)
}

fn attempt(n: u128, extents: Vec<Extent>) -> DigestAttempt {
    DigestAttempt::new(DigestId::new(Uuid::from_u128(n)), extents, at(77))
}

/// Claims the single due user.
async fn one(store: &dyn Store, n: u64, now: Timestamp) -> DigestUser {
    let mut claimed = claim(store, n, now, 10).await;
    let one = claimed.pop();
    assert!(claimed.is_empty(), "{claimed:?}");
    one.expect("a user is due")
}

async fn hold(store: &dyn Store, lease: &DigestLease, until: Timestamp, forget_attempt: bool) {
    let hold = DigestPostponement::new(lease.clone(), until).with_forget_attempt(forget_attempt);
    store.digests().unwrap().postpone_digests(&[hold]).await.unwrap();
}

async fn mark(scene: &Scene<'_>, side: Side) -> DigestMark {
    *scene.conversation().await.digests.of(side)
}

pub(crate) async fn unmailed_sides_are_listed_with_their_oldest_message(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 5).await;
    scene.read(AGENT, &sent[0], at(10)).await;
    let user = agent_user_id(1);
    let oldest = |of: usize| sent[of].created_at;
    for (mailed, expected) in [(0, Some(1)), (2, Some(2)), (1, Some(2)), (4, Some(4)), (5, None)] {
        let extents = [extent(scene.id, AGENT, mailed)];
        store
            .digests()
            .unwrap()
            .mark_mailed(&user, &extents, due(1))
            .await
            .unwrap();
        let listed = store
            .digests()
            .unwrap()
            .list_unmailed(&[user.clone(), client_id(1)])
            .await
            .unwrap();
        let shown = listed
            .first()
            .map(|one| (one.conversation.clone(), one.side, one.oldest));
        let conversation = scene.conversation().await;
        assert_eq!(
            shown,
            expected.map(|of| (conversation, AGENT, oldest(of))),
            "{mailed}"
        );
        assert!(listed.len() < 2);
    }
}

pub(crate) async fn own_messages_are_not_unmailed(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let first = scene.send(Side::Client).await;
    scene.read(AGENT, &first, at(2)).await;
    scene.send_many(AGENT, 3).await;
    let fifth = scene.send(Side::Client).await;
    let listed = store
        .digests()
        .unwrap()
        .list_unmailed(&[agent_user_id(1)])
        .await
        .unwrap();
    let oldest: Vec<_> = listed.iter().map(|one| one.oldest).collect();
    assert_eq!(oldest, [fifth.created_at]);
    let extents = [extent(scene.id, AGENT, 2), extent(scene.id, Side::Client, 3)];
    let excerpts = store.digests().unwrap().load_excerpts(&extents, 9).await.unwrap();
    let seqs = |of: &Excerpt| of.first.iter().map(|message| message.seq).collect::<Vec<_>>();
    assert_eq!(
        excerpts.iter().map(seqs).collect::<Vec<_>>(),
        [vec![5], vec![2, 3, 4]]
    );
}

pub(crate) async fn unmailed_sides_are_listed_longest_waiting_first(store: &dyn Store) {
    let (late, early) = (
        Scene::open(store, plan(1, 1)).await,
        Scene::open(store, plan(2, 1)).await,
    );
    early.send(Side::Client).await;
    let mut step = late.to_send(Side::Client).await;
    step.message.now = at(50);
    late.append(step).await;
    late.send(AGENT).await;
    let users = [agent_user_id(1), client_id(1), client_id(2)];
    let listed = store.digests().unwrap().list_unmailed(&users).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|one| (one.conversation.id, one.side)).collect();
    assert_eq!(
        listed,
        [(early.id, AGENT), (late.id, AGENT), (late.id, Side::Client)]
    );
    assert_eq!(store.digests().unwrap().list_unmailed(&[]).await.unwrap(), []);
}

pub(crate) async fn the_next_claim_returns_the_last_attempt(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    let mut now = due(1);
    let given = one(store, 1, now).await;
    assert_eq!(given.attempt, None);
    let first = attempt(
        1,
        vec![
            extent(scene.id, AGENT, 1),
            extent(conversation_id(7), Side::Client, 9),
        ],
    );
    let second = attempt(2, vec![extent(scene.id, AGENT, 1)]);
    let mut lease = given.lease;
    for recorded in [first, second] {
        assert!(
            store
                .digests()
                .unwrap()
                .record_attempt(&lease, &recorded, now)
                .await
                .unwrap()
        );
        now = now + LEASE;
        let next = one(store, 2, now).await;
        assert_eq!(next.attempt, Some(recorded));
        lease = next.lease;
    }
}

pub(crate) async fn an_expired_or_foreign_lease_records_nothing(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    let given = one(store, 1, due(1)).await;
    let new = attempt(1, vec![extent(scene.id, AGENT, 1)]);
    let until = given.lease.until;
    let wrong = [
        (given.lease.clone().with_by(worker_id(2)), due(1)),
        (given.lease.clone().with_until(until + secs(1)), due(1)),
        (given.lease.clone().with_user_id(client_id(1)), due(1)),
        (given.lease.clone(), until),
    ];
    for (lease, now) in wrong {
        assert!(
            !store
                .digests()
                .unwrap()
                .record_attempt(&lease, &new, now)
                .await
                .unwrap()
        );
    }
    let next = one(store, 2, until).await;
    assert_eq!(next.attempt, None);
    assert!(
        !store
            .digests()
            .unwrap()
            .record_attempt(&given.lease, &new, due(1))
            .await
            .unwrap()
    );
    assert!(
        !store
            .digests()
            .unwrap()
            .complete_digest(&given.lease, Some(due(1)), 9)
            .await
            .unwrap()
    );
    hold(store, &given.lease, due(9_999), true).await;
    assert_eq!(mark(&scene, AGENT).await.due_at, Some(due(1)));
    let again = one(store, 3, next.lease.until).await;
    assert_eq!((again.attempt, again.sent), (None, vec![]));
}

pub(crate) async fn an_excerpt_shows_the_first_messages_within_its_extent(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.link(booking_id(1, 1).as_str()).await;
    let sent = scene.send_many(Side::Client, 6).await;
    scene.read(AGENT, &sent[0], at(10)).await;
    for (up_to, most, shown) in [
        (6, 3, 1..4),
        (4, 9, 1..4),
        (2, 9, 1..2),
        (1, 9, 0..0),
        (0, 9, 0..0),
    ] {
        let asked = extent(scene.id, AGENT, up_to);
        let unknown = extent(conversation_id(7), AGENT, 1);
        let excerpts = store
            .digests()
            .unwrap()
            .load_excerpts(&[unknown, asked], most)
            .await
            .unwrap();
        let expected = Excerpt::new(asked, scene.conversation().await)
            .with_booking_id(Some(booking_id(1, 1)))
            .with_messages(up_to.saturating_sub(1).min(5))
            .with_first(sent[shown].to_vec());
        assert_eq!(excerpts, [expected]);
    }
}

pub(crate) async fn excerpts_are_in_the_order_of_the_extents(store: &dyn Store) {
    let mut extents = Vec::new();
    for pair in [3, 1, 2] {
        let scene = Scene::open(store, plan(pair, 1)).await;
        scene.send_from_system(Recipients::Both).await;
        extents.push(extent(scene.id, AGENT, 1));
        extents.push(extent(scene.id, Side::Client, 1));
    }
    let excerpts = store.digests().unwrap().load_excerpts(&extents, 1).await.unwrap();
    assert_eq!(excerpts.iter().map(|one| one.extent).collect::<Vec<_>>(), extents);
    assert!(excerpts.iter().all(|one| one.first.len() == 1));
    assert_eq!(store.digests().unwrap().load_excerpts(&[], 1).await.unwrap(), []);
}

pub(crate) async fn mailed_messages_are_not_due_and_later_ones_are_checked_again(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, 3).await;
    let user = agent_user_id(1);
    // An extent never reaches beyond the last message, and a mark never moves back.
    for (up_to, mailed, due_at) in [
        (2, 2, Some(due(5))),
        (1, 2, Some(due(5))),
        (99, 3, None),
        (0, 3, None),
    ] {
        let extents = [
            extent(conversation_id(7), AGENT, 1),
            extent(scene.id, AGENT, up_to),
        ];
        store
            .digests()
            .unwrap()
            .mark_mailed(&user, &extents, due(5))
            .await
            .unwrap();
        assert_eq!(
            mark(&scene, AGENT).await,
            DigestMark::default().with_mailed(mailed).with_due_at(due_at)
        );
    }
    assert_eq!(mark(&scene, Side::Client).await, DigestMark::default());
    scene.send(Side::Client).await;
    let later = DigestMark::default().with_mailed(3).with_due_at(Some(due(4)));
    assert_eq!(mark(&scene, AGENT).await, later);
    assert_eq!(scene.unread(AGENT).await, 4);
}

pub(crate) async fn messages_read_meanwhile_are_not_checked_again(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Client, 3).await;
    scene.read(AGENT, &sent[2], at(9)).await;
    let extents = [extent(scene.id, AGENT, 1)];
    store
        .digests()
        .unwrap()
        .mark_mailed(&agent_user_id(1), &extents, due(5))
        .await
        .unwrap();
    assert_eq!(mark(&scene, AGENT).await, DigestMark::default().with_mailed(1));
}

pub(crate) async fn a_foreign_side_is_not_marked_as_mailed(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    scene.change(Change::Reassign(client_id(7))).await;
    let before = scene.conversation().await;
    for user in [agent_user_id(1), client_id(1)] {
        store
            .digests()
            .unwrap()
            .mark_mailed(&user, &[extent(scene.id, AGENT, 1)], due(5))
            .await
            .unwrap();
    }
    assert_eq!(scene.conversation().await, before);
}

pub(crate) async fn completing_ends_the_lease_and_keeps_the_newest_times(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    let mut sent = Vec::new();
    for n in 1..=5 {
        let given = one(store, n, due(1)).await;
        assert_eq!((&given.attempt, &given.sent), (&None, &sent));
        let new = attempt(1, vec![extent(scene.id, AGENT, 1)]);
        assert!(
            store
                .digests()
                .unwrap()
                .record_attempt(&given.lease, &new, due(1))
                .await
                .unwrap()
        );
        let sent_at = (n != 2).then_some(at(i64::try_from(n).unwrap()));
        assert!(
            store
                .digests()
                .unwrap()
                .complete_digest(&given.lease, sent_at, 3)
                .await
                .unwrap()
        );
        assert!(
            !store
                .digests()
                .unwrap()
                .complete_digest(&given.lease, sent_at, 3)
                .await
                .unwrap()
        );
        sent.extend(sent_at);
        sent.drain(..sent.len().saturating_sub(3));
    }
    assert_eq!(sent, [at(3), at(4), at(5)]);
}

pub(crate) async fn postponing_moves_earlier_due_times_of_that_user_only(store: &dyn Store) {
    let (first, second) = (
        Scene::open(store, plan(1, 1)).await,
        Scene::open(store, plan(2, 1)).await,
    );
    first.send(Side::Client).await;
    first.send(AGENT).await;
    second.send_many(AGENT, 4).await;
    second.send(Side::Client).await;
    let given = claim(store, 1, due(1), 10).await;
    let of_agent = given.iter().find(|one| one.lease.user_id == agent_user_id(1));
    hold(
        store,
        &of_agent.expect("the agent's user is due").lease,
        due(3),
        false,
    )
    .await;
    assert_eq!(mark(&first, AGENT).await.due_at, Some(due(3)));
    assert_eq!(mark(&first, Side::Client).await.due_at, Some(due(2)));
    assert_eq!(mark(&second, AGENT).await.due_at, Some(due(5)));
    assert!(!names(&claim(store, 2, due(2), 10).await).contains(&agent_user_id(1)));
    assert!(names(&claim(store, 2, due(3), 10).await).contains(&agent_user_id(1)));
}

pub(crate) async fn a_postponement_keeps_the_attempt_unless_it_is_forgotten(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    let new = attempt(1, vec![extent(scene.id, AGENT, 1)]);
    let given = one(store, 1, due(1)).await;
    assert!(
        store
            .digests()
            .unwrap()
            .record_attempt(&given.lease, &new, due(1))
            .await
            .unwrap()
    );
    hold(store, &given.lease, due(2), false).await;
    let given = one(store, 1, due(2)).await;
    assert_eq!(given.attempt, Some(new));
    hold(store, &given.lease, due(3), true).await;
    assert_eq!(one(store, 1, due(3)).await.attempt, None);
}

pub(crate) async fn deferrals_are_counted_until_a_digest_is_completed(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    for (n, is_deferred, deferrals) in [(1, true, 0), (2, true, 1), (3, false, 2), (4, true, 2)] {
        let now = due(i64::try_from(n).unwrap());
        let given = one(store, n, now).await;
        assert_eq!(given.deferrals, deferrals);
        let held = DigestPostponement::new(given.lease, due(i64::try_from(n).unwrap() + 1))
            .with_forget_attempt(true)
            .with_is_deferred(is_deferred);
        store
            .digests()
            .unwrap()
            .postpone_digests(std::slice::from_ref(&held))
            .await
            .unwrap();
        // An expired lease has no effect.
        store.digests().unwrap().postpone_digests(&[held]).await.unwrap();
    }
    let given = one(store, 5, due(5)).await;
    assert_eq!(given.deferrals, 3);
    assert!(
        store
            .digests()
            .unwrap()
            .complete_digest(&given.lease, None, 3)
            .await
            .unwrap()
    );
    assert_eq!(one(store, 6, due(6)).await.deferrals, 0);
}

pub(crate) async fn an_excerpt_shows_only_messages_that_may_be_mailed(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, 2).await;
    scene.send_from_system(Recipients::Both).await;
    scene.send(Side::Client).await;
    let all = extent(scene.id, AGENT, 4);
    let told = async || {
        let excerpt = store
            .digests()
            .unwrap()
            .load_excerpts(&[all], 9)
            .await
            .unwrap()
            .remove(0);
        let seqs: Vec<_> = excerpt.first.iter().map(|message| message.seq).collect();
        assert_eq!(excerpt.messages, seqs.len() as u64);
        seqs
    };
    assert_eq!(told().await, [1, 2, 3, 4]);
    for (change, seqs) in [
        // Actions of the other side prevent no e-mail.
        (Change::Block(Side::Client), vec![1, 2, 3, 4]),
        (Change::Block(AGENT), vec![3]),
        (Change::Unblock(AGENT), vec![1, 2, 3, 4]),
        (Change::Close, vec![3]),
        (Change::Reopen, vec![1, 2, 3, 4]),
        (Change::Erase(Side::Client), vec![1, 2, 3, 4]),
    ] {
        scene.change(change.clone()).await;
        assert_eq!(told().await, seqs, "{change:?}");
    }
}
