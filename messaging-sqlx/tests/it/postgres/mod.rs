//! What is PostgreSQL's own: other processes, other sessions, a network in between.

mod beside_host;
mod buckets;
mod clocks;
mod failing;
mod group_commit;
mod late_commits;
mod leases;
mod limiting;
mod locked_row;
mod lost_connections;
mod migrating;
mod migrating_at_once;
mod opening_in;
mod opening_told;
mod own_connections;
mod pooler;
mod probing;
mod recording_digests;
mod roles;
mod sending;
mod stalled;
mod too_slow;
mod verifying;
mod verifying_much;
