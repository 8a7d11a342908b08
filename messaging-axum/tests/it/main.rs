//! The routes, through the router: actors as values, answers as snapshots, time and ids by hand.

mod access_matrix;
mod activity;
mod admin;
mod any_request;
mod bad_input;
mod blocking;
mod channel_auth;
mod completion;
mod contract;
mod conversations;
mod document_faults;
mod failures;
mod limits;
mod measuring;
mod messages;
mod middleware;
mod push_token;
mod reading;
mod reports;
mod slow_bodies;
mod strangers;
mod support;
mod typing;
mod webhooks;
