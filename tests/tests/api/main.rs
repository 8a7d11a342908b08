//! The running server as a client sees it: the contract, the limits, and requests that no regular client
//! sends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connection_limit;
mod contract;
mod cross_site;
mod example_host;
mod oversized_requests;
mod rate_limits;
mod security_headers;
mod slow_clients;
mod support;
