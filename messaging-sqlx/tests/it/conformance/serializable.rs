//! A host may configure its database with a stricter isolation level: steps then conflict more often, and
//! report it.

use messaging_sqlx::PgStore;
use messaging_test_postgres::Schema;

use crate::conformance::{block_on, postgres::store_at};

struct Serializable;

impl messaging_testkit::Backend for Serializable {
    fn run(&self, future: messaging_testkit::BoxFuture<'_, ()>) {
        block_on(future);
    }

    fn fresh(&self) -> messaging_testkit::BoxFuture<'_, messaging_testkit::Fresh> {
        Box::pin(async {
            let (store, schema): (PgStore, Schema) =
                store_at("?options=-c%20default_transaction_isolation%3Dserializable").await;
            messaging_testkit::Fresh::new(store, schema)
        })
    }
}

#[test]
fn a_storm_causes_no_discrepancy() {
    messaging_testkit::storm(&Serializable);
}
