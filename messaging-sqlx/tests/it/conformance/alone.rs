//! The conformance suite without group commit: each message is a commit of its own.

use messaging_sqlx::{PgOptions, postgres::GroupCommit};
use messaging_testkit::{Backend, BoxFuture, Fresh};

use crate::conformance::{block_on, postgres::store_with};

struct Alone;

impl Backend for Alone {
    fn run(&self, future: BoxFuture<'_, ()>) {
        block_on(future);
    }

    fn fresh(&self) -> BoxFuture<'_, Fresh> {
        Box::pin(async {
            let options = PgOptions::default().with_group_commit(GroupCommit::Off);
            let (store, schema) = store_with(options, "").await;
            Fresh::new(store, schema)
        })
    }
}

#[test]
fn the_conformance_suite_passes() {
    for case in messaging_testkit::cases() {
        println!("{case:?}");
        case.run(&Alone);
    }
}

#[test]
fn a_few_sequences_of_steps_match_the_model() {
    messaging_testkit::compare_with_model_briefly(&Alone, 40);
}

#[test]
fn a_storm_causes_no_discrepancy() {
    messaging_testkit::storm(&Alone);
}
