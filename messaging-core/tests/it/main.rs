//! The core through its public interface: its use cases on the memory store.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod access;
mod acknowledging;
mod buckets;
mod cached_conversations;
mod capabilities;
mod channels;
mod counting;
mod dead_letters;
mod deferrals;
mod delivery;
mod digests;
mod erasing;
mod events;
mod failing_store;
mod health;
mod leases;
mod limits;
mod listing;
mod notifying;
mod opening;
mod outage;
mod policy_matrix;
mod reading;
mod recording;
mod relay;
mod relay_failures;
mod reporting;
mod revoking;
mod revoking_users;
mod ruling;
mod scanning;
mod sending;
mod support;
mod verifying;
