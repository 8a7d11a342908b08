//! Atomic creation of the store's file.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use super::pragmas::{SET_APPLICATION_ID, set_wal};

/// Creates the file unless it exists. A file that exists has this library's application id.
///
/// A file that another process creates concurrently is used instead.
pub(super) async fn create(options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
    create_by(options, |new, path| fs::hard_link(new, path)).await
}

/// Creates the file, with a replaceable hard-link operation.
async fn create_by(
    options: &SqliteConnectOptions,
    link: impl Fn(&Path, &Path) -> io::Result<()>,
) -> Result<(), sqlx::Error> {
    let path = options.get_filename();
    if !path.try_exists().map_err(sqlx::Error::Io)? {
        let new = beside(path);
        // Left by a killed process with the same id.
        fs::remove_file(&new).ok();
        let created = match write(options.clone().filename(&new)).await {
            Ok(()) => publish(&new, path, link).map_err(sqlx::Error::Io),
            Err(error) => Err(error),
        };
        fs::remove_file(&new).ok();
        created?;
    }
    // Also for an existing file: its creator may have been killed before this call.
    sync_directory(path).map_err(sqlx::Error::Io)
}

/// Writes an empty database with this library's application id.
async fn write(options: SqliteConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = options.create_if_missing(true).connect().await?;
    sqlx::query(SET_APPLICATION_ID).execute(&mut connection).await?;
    set_wal(&mut connection).await?;
    connection.close().await
}

/// Links the complete file to its final name, unless a file with that name exists.
fn publish(new: &Path, path: &Path, link: impl Fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    let published = match link(new, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => replace_placeholder(new, path),
        linked => linked,
    };
    match published {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        published => published,
    }
}

/// Publishes the file on a file system without hard links: exFAT, SMB, some FUSE mounts.
///
/// A rename alone would replace the file of another process. Therefore an empty file takes the name first, and
/// only the process that created it replaces it. Until then, and permanently after a crash in between, `open`
/// refuses the file because it is empty.
fn replace_placeholder(new: &Path, path: &Path) -> io::Result<()> {
    File::create_new(path)?;
    fs::rename(new, path).inspect_err(|_| {
        fs::remove_file(path).ok();
    })
}

/// Syncs the directory, so that the file's name survives a power failure.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    let Some(directory) = path.parent() else {
        return Ok(());
    };
    match File::open(directory).and_then(|directory| directory.sync_all()) {
        // Some file systems cannot sync directories, and some writable directories cannot be read.
        Err(error) if matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Only Unix can open directories as files.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "on Unix it may fail")]
fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns a path in the same directory that no other process and no other store of this process uses.
fn beside(path: &Path) -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let mut name = path.as_os_str().to_owned();
    let count = MADE.fetch_add(1, Ordering::Relaxed);
    name.push(format!(".{}-{count}.new", std::process::id()));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SqliteOptions, sqlite::connect::Connector};

    fn no_links(_: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn options(path: &Path) -> SqliteConnectOptions {
        SqliteConnectOptions::new().filename(path)
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[tokio::test]
    async fn without_hard_links_a_complete_file_is_created_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("messaging.db");
        create_by(&options(&path), no_links).await.unwrap();
        assert_eq!(names(directory.path()), ["messaging.db"]);
        let linked = directory.path().join("linked.db");
        create(&options(&linked)).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), fs::read(&linked).unwrap());
        let opened = Connector::new(&path, &SqliteOptions::default()).open().await;
        opened.unwrap().close().await.unwrap();
    }

    #[tokio::test]
    async fn an_existing_file_is_unchanged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("messaging.db");
        fs::write(&path, "Dear diary").unwrap();
        create_by(&options(&path), |_, _| panic!("the file already has its name"))
            .await
            .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"Dear diary");
    }

    #[tokio::test]
    async fn a_file_created_concurrently_is_unchanged() {
        type Link = fn(&Path, &Path) -> io::Result<()>;
        let ways: [Link; 2] = [|new, path| fs::hard_link(new, path), no_links];
        for way in ways {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("messaging.db");
            let options = options(&path);
            let beaten = create_by(&options, |new, path| {
                fs::write(path, "another process")?;
                way(new, path)
            });
            beaten.await.unwrap();
            assert_eq!(names(directory.path()), ["messaging.db"]);
            assert_eq!(fs::read(&path).unwrap(), b"another process");
        }
    }

    #[test]
    fn a_failed_rename_leaves_no_placeholder() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("messaging.db");
        let error = publish(&directory.path().join("gone.new"), &path, no_links).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!path.exists());
    }
}
