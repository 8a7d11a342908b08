//! Where the tests that make hundreds of databases keep them.

use std::path::Path;

use tempfile::TempDir;

/// A directory in memory where the system has one: a disk that is synced at every commit is most of what
/// these tests would wait for.
pub(crate) fn fresh_dir() -> TempDir {
    let in_memory = Path::new("/dev/shm");
    let dir = if in_memory.is_dir() {
        tempfile::tempdir_in(in_memory)
    } else {
        tempfile::tempdir()
    };
    dir.expect("a directory")
}
