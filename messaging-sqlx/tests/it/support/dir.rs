//! The directory of tests that create hundreds of databases.

use std::path::Path;

use tempfile::TempDir;

/// A directory in memory if the system has one: most of the duration of these tests would be disk syncs, one
/// per commit.
pub(crate) fn fresh_dir() -> TempDir {
    let in_memory = Path::new("/dev/shm");
    let dir = if in_memory.is_dir() {
        tempfile::tempdir_in(in_memory)
    } else {
        tempfile::tempdir()
    };
    dir.expect("a temporary directory can be created")
}
