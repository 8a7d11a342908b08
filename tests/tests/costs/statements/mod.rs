//! The cost of each use case on PostgreSQL, counted on the wire and compared with `docs/costs.md`.

mod strangers;
mod support;
mod table;
mod use_cases;

use messaging_core::{ConversationId, MessageId};
use messaging_sqlx::postgres::Pooler;
use messaging_test_postgres::Counts;
use messaging_testkit::make::{agent, client};
use uuid::Uuid;

use self::{support::Host, table::Table};

const PAGE: &str = include_str!("../../../../docs/costs.md");

#[tokio::test]
async fn the_costs_page_lists_the_statements_of_each_use_case() {
    let table = Table::new(
        &counted(Pooler::Session).await,
        &counted(Pooler::Transaction).await,
    );
    let expected = table.to_string();
    let documented = PAGE.split_once("<!-- counted -->");
    let documented = documented.and_then(|(_, rest)| rest.split_once("<!-- /counted -->"));
    let (documented, _) = documented.expect("the page has a place for the table");
    assert!(
        documented.trim() == expected.trim(),
        "docs/costs.md should say:\n\n{expected}"
    );
}

#[tokio::test]
async fn a_send_is_at_most_two_round_trips_and_one_of_them_appends() {
    let costs = counted(Pooler::Session).await;
    let of = |name: &str| costs.iter().find(|(it, _)| *it == name).unwrap().1;
    assert_eq!(of("send the first message of a while").statements, 2);
    assert_eq!(
        of("send a message").statements,
        1,
        "a send appends without a lookup"
    );
    for send in [
        "send the first message of a while",
        "send it again, with the same key",
    ] {
        let Counts { round_trips, .. } = of(send);
        assert!(round_trips <= 2, "{send}: {round_trips}");
    }
}

/// A connection prepares each statement before its first use.
#[tokio::test]
async fn a_statement_costs_one_more_round_trip_the_first_time_on_a_connection() {
    let host = Host::new(Pooler::Session).await;
    let (first, again) = use_cases::claim_on_a_new_connection(&host).await;
    assert_eq!(first.statements, again.statements);
    assert_eq!(first.round_trips, again.round_trips + again.statements);
}

/// Neither the response nor its cost tells an outsider whether a conversation exists.
#[tokio::test]
async fn a_foreign_conversation_costs_an_outsider_as_much_as_a_missing_one() {
    let host = Host::new(Pooler::Session).await;
    let (id, message) = use_cases::somebodys(&host).await;
    let (nowhere, nothing) = (ConversationId::new(Uuid::nil()), MessageId::new(Uuid::nil()));
    for stranger in [client(7), agent(7)] {
        // The first run prepares the statements.
        strangers::all(&host, &stranger, nowhere, nothing).await;
        let not_there = strangers::all(&host, &stranger, nowhere, nothing).await;
        let not_theirs = strangers::all(&host, &stranger, id, message).await;
        assert_eq!(not_theirs, not_there);
        let asked = not_there.iter().filter(|(_, _, counts)| counts.statements > 0);
        assert!(asked.count() >= 9, "{not_there:?}");
    }
}

/// Returns every use case and its cost, after all statements are prepared.
async fn counted(pooler: Pooler) -> Vec<(&'static str, Counts)> {
    let host = Host::new(pooler).await;
    use_cases::all(&host, 1).await;
    use_cases::all(&host, 2).await
}
