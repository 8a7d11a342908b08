//! What the file says about itself: whose it is, and how it is written.

use std::time::Duration;

use sqlx::SqliteConnection;

use super::error::is_busy;

/// The application id in the header of each file of this library: `mess`. The first migration sets it too, for
/// a file that only the migration scripts created.
pub(super) const APPLICATION_ID: i32 = 0x6d65_7373;
pub(super) const SET_APPLICATION_ID: &str = "PRAGMA application_id = 0x6d657373";

pub(super) async fn set_wal(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    const ATTEMPTS: u32 = 100;
    const PAUSE: Duration = Duration::from_millis(50);

    let mut attempt = 1;
    loop {
        let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL")
            .fetch_one(&mut *connection)
            .await;
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                let why = format!("the file cannot be in WAL mode here, only in mode {mode}");
                return Err(sqlx::Error::Configuration(why.into()));
            }
            // SQLite does not apply the busy timeout to this lock.
            Err(error) if is_busy(&error) && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
