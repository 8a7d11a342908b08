//! Shared fixtures.

mod counted;
mod digests;
mod events;
mod log;
mod other_ids;
mod people;
mod policy;
mod recorder;
mod requests;
mod stuck;
mod world;

pub(crate) use self::{
    counted::Counted,
    digests::{AllOffline, Letterbox, newest, offline_builder},
    events::{event_lines, texts},
    log::Log,
    other_ids::OtherIds,
    people::{MockDirectory, People, ada, agent, booking, carl, root, stranger, user},
    policy::{Answer, REFUSAL, ScriptedPolicy},
    recorder::Recorder,
    requests::{FORBIDDEN, kind, message, open, shown, unknown_conversation},
    stuck::Stuck,
    world::{World, history},
};
