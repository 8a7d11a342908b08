//! TODO
pub mod actor;
pub mod clock;
pub mod domain;
pub mod event;
pub mod id;
pub mod memory;
pub mod policy;
pub mod port;
pub mod time;
