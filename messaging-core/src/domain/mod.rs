//! Values and their rules, without I/O. Only parsing can fail.

pub mod activity;
pub mod audit;
pub mod body;
pub mod calendar;
pub mod change;
pub mod channel;
pub mod conversation;
pub mod cursor;
pub mod digest;
pub mod digest_policy;
pub mod erasure;
pub mod event;
pub mod message;
pub mod opening;
pub mod page;
pub mod receipt;
pub mod report;
pub mod scope;
pub mod shown;
pub mod side;
pub mod transition;
pub mod unmailed;
pub mod unread;
