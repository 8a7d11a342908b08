//! The use cases over HTTP: each parses its input, calls the core and builds the response.

pub(crate) mod activity;
pub(crate) mod audit;
pub(crate) mod channel_auth;
pub(crate) mod conversation;
pub(crate) mod conversations;
pub(crate) mod document;
pub(crate) mod history;
pub(crate) mod push_token;
pub(crate) mod reading;
pub(crate) mod reports;
pub(crate) mod send;
pub(crate) mod typing;
pub(crate) mod user_auth;
pub(crate) mod webhooks;
