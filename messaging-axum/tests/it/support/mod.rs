//! Shared fixtures.

mod actor;
mod app;
mod case;
mod contract;
mod directory;
mod log;
mod push;
mod realtime;
mod response;
mod store;

pub(crate) use self::{
    actor::{ada, bob, carl, eve, root},
    app::{Shared, TestApp, UNKNOWN_ID, all},
    case::{Case, check},
    contract::check_examples,
    directory::People,
    log::Log,
    push::Devices,
    realtime::{NoSignIn, Transport},
    response::TestResponse,
    store::{BareStore, Fault, TestStore, all_capabilities},
};
