//! The core from the outside: its use cases on the store in memory.

mod events;
mod policy_matrix;
mod relay;
mod world;
