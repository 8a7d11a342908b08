//! Texts that are planned by index, whatever the planner knows of a table.
//!
//! PostgreSQL has no hints, and `enable_seqscan = off` is none: what cannot do without a scan then looks so dear that
//! it is compiled first (`jit`), at each execution and on each new connection. So a text is written in such a way that
//! its only sensible plan is an index; `planned.rs` explains each of them. See `docs/decisions/0001-planned-by-index.md`.
//!
//! - What is looked up for each of some rows is `LATERAL`, or a subquery, with a `LIMIT` of its own: it is not joined
//!   as a whole.
//! - Rows that come as arrays are expected to be few: [`few`].
//! - What is walked through from its beginning is ordered by an index, and expected to be a part: [`part`].
//! - What is deleted from a queue, or updated in it, is bounded by values besides being joined: [`bounded`]. A queue that
//!   has just been emptied looks as if one row were in it. A join then may begin with the queue, by an index scan without
//!   a condition, and go through all that was deleted and is not yet vacuumed.

/// A condition on the ordinality of an `unnest`, true of every row: the planner takes a range of numbers of which it
/// knows nothing for a two-hundredth, so that it looks each row up by index and joins no whole table with them.
macro_rules! few {
    ($ordinality:literal) => {
        concat!($ordinality, " BETWEEN 1 AND 2147483647")
    };
}

/// A condition on a column of times, true of every row: bounds that are subqueries are unknown when it is planned, and
/// what lies between them is taken for a two-hundredth of the table.
macro_rules! part {
    ($time:literal) => {
        concat!(
            $time,
            " BETWEEN (SELECT '-infinity'::timestamptz) AND (SELECT 'infinity'::timestamptz)"
        )
    };
}

/// A condition that holds a column of a queue between the least and the greatest value of the rows of `$of` that it is joined
/// with. True of each pair that is joined; for one row it is exact.
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
