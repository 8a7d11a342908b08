//! Tests of the routes through the router: actors as values, responses as snapshots, manual time and ids.

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
mod failures;
mod hidden_conversations;
mod limits;
mod messages;
mod metrics;
mod middleware;
mod mounting;
mod push_token;
mod reading;
mod reference_faults;
mod reports;
mod ruling;
mod slow_bodies;
mod support;
mod typing;
mod webhooks;
