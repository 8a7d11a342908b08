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

pub(super) use {few, part};
