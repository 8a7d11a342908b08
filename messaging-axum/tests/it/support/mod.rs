//! What these tests share.

mod actor;
mod answer;
mod case;
mod contract;
mod directory;
mod push;
mod realtime;
mod store;
mod world;

pub(crate) use self::{
    actor::{ada, bob, carl, eve, root},
    answer::Answer,
    case::{Case, check},
    contract::check_examples,
    push::Devices,
    realtime::NoSignIn,
    store::Fault,
    world::{NOWHERE, Shared, World, all},
};
