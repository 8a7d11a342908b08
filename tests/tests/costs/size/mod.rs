//! The cost of a read does not grow with the database: at 100,000 conversations and 2,000,000 messages it
//! touches about as many pages as at a hundredth of that, and scans no table.
//!
//! The test counts pages instead of seconds, which gives the same result on every machine. It prints the
//! counts with `--nocapture`.

mod activity;
mod background;
mod made;
mod plan;
mod reads;
mod report;
mod session;

use futures_util::TryStreamExt as _;
use messaging_core::verify::{ConversationRange, verify};
use messaging_test_postgres::{Database, PgServer, Schema};

use self::{
    made::{Scale, make, sizes},
    reads::read_everything,
    report::Report,
    session::Session,
};

const HUNDREDTH: Scale = Scale(1);
const FULL: Scale = Scale(100);

#[tokio::test]
async fn the_pages_of_a_read_do_not_grow_with_the_database() {
    let database = Database::create(PgServer::shared()).await;
    make(database.url(), "hundredth", HUNDREDTH).await;
    make(database.url(), "whole", FULL).await;

    let small = Session::connect(database.url(), "hundredth").await;
    let full = Session::connect(database.url(), "whole").await;
    println!("{}", activity::check(&small, &full).await);
    let small = read_everything(&small, HUNDREDTH).await;
    let full = read_everything(&full, FULL).await;

    let report = Report::new(&small, &full);
    println!("{report}\n{}", sizes(database.url(), "whole").await);
    assert!(report.is_fine(), "{report}");
}

/// The measured data are as the store would have written them.
#[tokio::test]
async fn the_generated_data_has_no_discrepancy() {
    let schema = Schema::fresh();
    make(schema.url(), schema.name(), HUNDREDTH).await;
    let session = Session::connect(schema.url(), schema.name()).await;
    let discrepancies = verify(session.store(), ConversationRange::all());
    let discrepancies: Vec<_> = discrepancies.try_collect().await.unwrap();
    assert_eq!(discrepancies, []);
}
