use std::fmt;

use messaging_test_postgres::Counts;

/// The table of the page: the cost of each use case, directly and behind a transaction pooler.
pub(crate) struct Table(Vec<[String; 4]>);

const HEAD: [&str; 4] = [
    "use case",
    "statements",
    "round trips",
    "round trips, `Pooler::Transaction`",
];

impl Table {
    pub(crate) fn new(costs: &[(&str, Counts)], pooled: &[(&str, Counts)]) -> Self {
        let row = |((name, counts), (same, pooled)): (&(&str, Counts), &(&str, Counts))| {
            assert_eq!(name, same);
            let numbers = [counts.statements, counts.round_trips, pooled.round_trips];
            let [statements, round_trips, pooled] = numbers.map(|number| number.to_string());
            [(*name).to_owned(), statements, round_trips, pooled]
        };
        Self(costs.iter().zip(pooled).map(row).collect())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} |", HEAD.join(" | "))?;
        writeln!(f, "|---|---|---|---|")?;
        for row in &self.0 {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}
