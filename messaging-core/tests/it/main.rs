//! The core from the outside: its use cases on the store in memory.

mod access;
mod channels;
mod events;
mod listing;
mod opening;
mod policy_matrix;
mod reading;
mod relay;
mod sending;
mod world;
