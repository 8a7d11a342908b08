//! What a client of the running server meets: the contract, limits, and what comes over the wire that no honest
//! client sends.

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
