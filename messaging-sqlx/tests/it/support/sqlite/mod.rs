//! Shared fixtures of the SQLite tests.

mod contents;
mod place;
mod steps;

pub(crate) use self::{
    contents::Contents,
    place::Place,
    steps::{append, at, conversation, message, plan, run_all_steps, stored, user, worker},
};
