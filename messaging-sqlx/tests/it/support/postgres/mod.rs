//! Shared fixtures of the PostgreSQL tests.

mod bench;
mod each_step;
mod errors;
mod process;
mod sending;
mod session;
mod single_connection;

pub(crate) use self::{
    bench::Bench,
    each_step::each_step,
    errors::{UNAVAILABLE, check, code},
    process::{Moment, Process, Transport},
    sending::{is_stored, is_stored_in_the_end, send},
    session::{Session, tables},
    single_connection::SingleConnection,
};
