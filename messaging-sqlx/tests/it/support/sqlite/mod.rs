//! Shared fixtures of the SQLite tests.

mod picture;
mod place;
mod steps;

pub(crate) use self::{
    picture::Picture,
    place::Place,
    steps::{append, at, conversation, message, plan, play, stored, user, worker},
};
