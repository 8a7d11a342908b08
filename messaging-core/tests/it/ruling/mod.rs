//! The host's access policy: its questions, and the effect of its rulings.

mod actions;
mod questions;
mod views;

use messaging_core::ErrorKind;

use crate::support::{REFUSAL, ScriptedPolicy, World};

fn ruled() -> (World, ScriptedPolicy) {
    let policy = ScriptedPolicy::new();
    let world = World::with(|builder| builder.policy(policy.clone()));
    (world, policy)
}

fn refusal() -> ErrorKind {
    let message = Some(REFUSAL.to_owned());
    ErrorKind::Forbidden { message }
}
