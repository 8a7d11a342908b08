//! Techniques that make the planner use an index, whatever its statistics say.
//!
//! PostgreSQL has no hints, and `enable_seqscan = off` is no substitute: a statement that cannot avoid a scan
//! then has such a high cost estimate that it is JIT-compiled first, at each execution and on each new
//! connection. Therefore each text is written so that its only sensible plan uses an index; `planned.rs`
//! explains each of them. See `docs/decisions/0001-planned-by-index.md`.
//!
//! - A look-up for each of some rows is `LATERAL`, or a subquery, with its own `LIMIT`, so that the table is
//!   not joined as a whole.
//! - Rows passed as arrays are estimated to be few: [`few`].
//! - A scan from the beginning of a table is ordered by an index and estimated to be partial: [`part`].
//! - A delete from a queue table, or an update in it, is bounded by values in addition to the join:
//!   [`bounded`]. The statistics of a queue that has just been emptied estimate one row. A join may then start
//!   with the queue, by an index scan without a condition, and read all deleted rows that are not yet vacuumed.

/// A condition on the ordinality of an `unnest`, true for every row. The planner estimates an unknown range of
/// numbers at a two-hundredth of the rows, so it looks each row up by index and joins no whole table.
macro_rules! few {
    ($ordinality:literal) => {
        concat!($ordinality, " BETWEEN 1 AND 2147483647")
    };
}

/// A condition on a time column, true for every row. Bounds that are subqueries are unknown at planning time,
/// so the planner estimates the range at a two-hundredth of the table.
macro_rules! part {
    ($time:literal) => {
        concat!(
            $time,
            " BETWEEN (SELECT '-infinity'::timestamptz) AND (SELECT 'infinity'::timestamptz)"
        )
    };
}

/// A condition that limits a queue's column to the range between the least and the greatest value of the joined
/// rows of `$of`. True for each joined pair; exact for one row.
macro_rules! bounded {
    ($column:literal, $of:literal, $value:literal) => {
        bounded!($column, $of, $value, $value)
    };
    ($column:literal, $of:literal, $from:literal, $to:literal) => {
        concat!(
            $column,
            " BETWEEN (SELECT MIN(",
            $from,
            ") FROM ",
            $of,
            ") AND (SELECT MAX(",
            $to,
            ") FROM ",
            $of,
            ")"
        )
    };
}

pub(super) use {bounded, few, part};
