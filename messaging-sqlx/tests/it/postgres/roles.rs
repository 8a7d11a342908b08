//! The roles that migrate and that run the store need only minimal privileges.

use messaging_core::store::{Claim, ConversationStore as _, OutboxStore as _, StoreErrorKind};
use messaging_sqlx::PgStore;
use messaging_testkit::{
    make::{at, booking, conversation_id, plan, worker_id},
    recount,
};
use sqlx::Connection as _;

use crate::support::postgres::{Bench, code, each_step};

/// Creates a role that may only connect.
async fn role(bench: &Bench) -> String {
    let name = format!("{}_role", bench.name());
    bench.session().await.run(&format!("CREATE ROLE {name}")).await;
    name
}

/// A store whose connections use that role.
fn store_of(bench: &Bench, role: &str) -> PgStore {
    PgStore::from_url(&bench.url_with(&format!("role={role}")), &bench.options()).unwrap()
}

async fn drop_role(bench: &Bench, role: &str) {
    let drop_role = format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
    bench.session().await.run(&drop_role).await;
}

#[tokio::test]
async fn a_role_without_create_can_migrate_a_prepared_schema() {
    let bench = Bench::unmigrated();
    let role = role(&bench).await;
    let store = store_of(&bench, &role);
    let error = store.migrate().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    assert_eq!(code(&error).as_deref(), Some("42501"));

    let schema = bench.name();
    let make = format!("CREATE SCHEMA {schema} AUTHORIZATION {role}");
    bench.session().await.run(&make).await;
    store.migrate().await.unwrap();
    for step in each_step(&store).await {
        step.unwrap();
    }
    store.close().await;
    drop_role(&bench, &role).await;
}

#[tokio::test]
async fn a_role_with_row_privileges_can_run_every_step() {
    let bench = Bench::unmigrated();
    let role = role(&bench).await;
    let store = store_of(&bench, &role);
    let mut owner = bench.session().await;
    store.migrator().run(&mut owner.connection).await.unwrap();
    let schema = bench.name();
    let error = store
        .find_conversation(conversation_id(1).into())
        .await
        .unwrap_err();
    assert_eq!(code(&error).as_deref(), Some("42501"));
    let grants = format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"
    );
    owner.run(&grants).await;

    // The schema is complete, so that migrating writes nothing.
    store.migrate().await.unwrap();
    for step in each_step(&store).await {
        step.unwrap();
    }
    check_links(&bench, &role, &store).await;
    let recounted = recount(&store).await.unwrap();
    recounted.assert_clean();
    assert_eq!((recounted.conversations(), recounted.messages()), (2, 2));
    store.close().await;
    drop_role(&bench, &role).await;
}

/// Opens in transactions of that role, and numbers the links.
async fn check_links(bench: &Bench, role: &str, store: &PgStore) {
    let mut host = bench.session().await;
    host.run(&format!("SET ROLE {role}")).await;
    let mut tx = host.connection.begin().await.unwrap();
    for client in [1, 2] {
        let plan = plan(client, 1).with_booking_id(Some(booking("b")));
        store.open_in_transaction(&mut tx, &plan).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(store.backlog().await.unwrap().lanes, 2);
    let claim = Claim::new(worker_id(2), at(30), at(40), 9);
    let lanes = store.claim_lanes(&claim).await.unwrap();
    assert_eq!(lanes.len(), 2);
}
