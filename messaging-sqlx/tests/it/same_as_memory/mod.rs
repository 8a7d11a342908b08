//! The memory store is the reference: every other store returns the same results for the same steps, also
//! after it has been closed and reopened.

mod pair;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod steps;
