//! Values and their rules, without I/O. Only parsing can fail.

pub mod activity;
pub mod audit;
pub mod body;
pub mod channel;
pub mod conversation;
pub mod digest;
pub mod erasure;
pub mod event;
pub mod message;
pub mod page;
pub mod receipt;
pub mod report;
pub mod shown;
pub mod side;
