use messaging_core::{
    domain::{
        change::Change,
        digest::Extent,
        side::{Recipients, Side},
    },
    store::{DigestClaim, Store},
};

use super::support::Scene;
use crate::make::{agent_user_id, at, client_id, secs, user_id, worker_id};

pub(crate) async fn an_erased_user_is_not_due(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    scene.send(Side::Agent).await;
    scene.change(Change::Erase(Side::Agent)).await;
    let digests = scene.conversation().await.digests;
    assert!(digests.agent.due_at.is_none() && digests.client.due_at.is_some());
}

pub(crate) async fn erasure_removes_the_times_of_e_mails(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Client).await;
    let claim = |n, now| DigestClaim::new(worker_id(n), at(now), at(now) + secs(60), 10);
    let due = store
        .digests()
        .unwrap()
        .claim_digests(&claim(1, 10_000))
        .await
        .unwrap();
    assert_eq!(due.len(), 1);
    assert!(
        store
            .digests()
            .unwrap()
            .claim_digests(&claim(2, 10_001))
            .await
            .unwrap()
            .is_empty(),
        "under a lease"
    );
    store
        .erasure()
        .unwrap()
        .forget_user(&agent_user_id(1))
        .await
        .unwrap();
    let again = store
        .digests()
        .unwrap()
        .claim_digests(&claim(2, 10_001))
        .await
        .unwrap();
    assert_eq!(again.len(), 1, "the lease is deleted, too");
    store
        .erasure()
        .unwrap()
        .forget_user(&user_id("unknown"))
        .await
        .unwrap();
}

pub(crate) async fn an_excerpt_leaves_erased_messages_out(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Client, 2).await;
    scene.send_from_system(Recipients::Both).await;
    scene.send(Side::Client).await;
    scene.change(Change::Erase(Side::Client)).await;
    store
        .erasure()
        .unwrap()
        .erase_messages(scene.id, &client_id(1))
        .await
        .unwrap();
    let load = async |up_to| {
        let extent = Extent::new(scene.id, Side::Agent, up_to);
        let loaded = store.digests().unwrap().load_excerpts(&[extent], 9).await;
        loaded.unwrap().remove(0)
    };
    let all = load(4).await;
    assert_eq!(all.messages, 1);
    assert_eq!(
        all.first.iter().map(|message| message.seq).collect::<Vec<_>>(),
        [3]
    );
    let first = load(2).await;
    assert_eq!((first.messages, first.first), (0, vec![]));
    assert_eq!(
        scene.unread(Side::Agent).await,
        4,
        "the unread count is unchanged"
    );
}
