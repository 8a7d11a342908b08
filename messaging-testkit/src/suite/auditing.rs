use messaging_core::{
    id::AuditId,
    store::{AuditRecord, AuditedAction, Store},
};

use super::support::Scene;
use crate::make::{admin_id, at, uuid};

fn audit_id(n: u64) -> AuditId {
    AuditId::new(uuid(9, n))
}

/// Writes records 1 to 5, each of another action, out of order.
async fn five(store: &dyn Store) -> Vec<AuditRecord> {
    let of = Scene::set(store).await.id;
    let record = |n: u32| {
        AuditRecord::new(
            audit_id(u64::from(n)),
            at(i64::from(n)),
            admin_id(1),
            AuditedAction::ALL[n as usize - 1],
        )
        .with_conversation_id((n > 1).then_some(of))
    };
    for n in [2, 1, 5, 3, 4] {
        store.audit().unwrap().record_access(&record(n)).await.unwrap();
    }
    (1..=5).rev().map(record).collect()
}

async fn list(store: &dyn Store, before: Option<AuditId>, limit: usize) -> Vec<AuditRecord> {
    store.audit().unwrap().list_accesses(before, limit).await.unwrap()
}

pub(crate) async fn records_are_kept_and_listed_newest_first(store: &dyn Store) {
    let all = five(store).await;
    assert_eq!(list(store, None, 10).await, all);
}

pub(crate) async fn a_page_begins_after_the_named_record(store: &dyn Store) {
    let all = five(store).await;
    assert_eq!(list(store, None, 2).await, all[..2]);
    assert_eq!(list(store, Some(all[1].id), 2).await, all[2..4]);
    assert_eq!(list(store, Some(all[3].id), 2).await, all[4..]);
    assert_eq!(list(store, Some(all[4].id), 2).await, []);
}

pub(crate) async fn paging_repeats_no_record_during_additions(store: &dyn Store) {
    let all = five(store).await;
    let first = list(store, None, 3).await;
    let newer = all[0].clone().with_id(audit_id(77));
    store.audit().unwrap().record_access(&newer).await.unwrap();
    assert_eq!(list(store, Some(first[2].id), 3).await, all[3..]);
}

pub(crate) async fn an_empty_log_is_an_empty_page(store: &dyn Store) {
    assert_eq!(list(store, None, 10).await, []);
    assert_eq!(list(store, Some(audit_id(1)), 10).await, []);
}

pub(crate) async fn a_record_may_be_of_a_conversation_that_does_not_exist(store: &dyn Store) {
    let record = AuditRecord::new(audit_id(1), at(1), admin_id(1), AuditedAction::See)
        .with_conversation_id(Some(crate::make::conversation_id(404)));
    store.audit().unwrap().record_access(&record).await.unwrap();
    assert_eq!(list(store, None, 10).await, [record]);
}
