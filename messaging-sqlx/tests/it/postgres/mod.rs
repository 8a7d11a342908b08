//! Behaviour specific to PostgreSQL: other processes, other sessions, and the network.

mod beside_host;
mod buckets;
mod clocks;
mod concurrent_migrations;
mod failing;
mod group_commit;
mod heap_only;
mod late_commits;
mod leases;
mod limiting;
mod locked_row;
mod lost_connections;
mod migrating;
mod open_in_transaction;
mod own_connections;
mod pooler;
mod probing;
mod publishing_openings;
mod recording_digests;
mod roles;
mod sending;
mod shared_reads;
mod stalled;
mod timeouts;
mod verifying;
mod verifying_ranges;
