use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    PgServer,
    blocking::{self, block_on},
    fresh_name::random,
};

/// A new, empty database of a test. It is dropped with this value, even while clients are connected.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    admin_url: String,
}

const PREFIX: &str = "messaging_test_";

/// A killed test run leaves its databases on a server that it did not start. After this time, those without
/// connections are dropped.
const LEFT_OVER_AFTER: Duration = Duration::from_hours(1);

impl Database {
    /// The environment variable with the name of a database on `DATABASE_URL`'s server in which all processes
    /// of a test run keep their [schemas](crate::Schema). `with-postgres` sets it.
    pub const SHARED: &str = "TEST_DATABASE";

    /// Creates a database in UTF-8 with the collation of the server's `template0`.
    ///
    /// # Panics
    /// If the server is unreachable or refuses.
    pub async fn create(server: &PgServer) -> Self {
        let admin_url = server.admin_url();
        let name = create(&admin_url).await.expect("a database can be created");
        Self {
            url: server.url(&name),
            name,
            admin_url,
        }
    }

    /// Like [`create`](Self::create), but blocking.
    ///
    /// # Panics
    /// Like [`create`](Self::create).
    pub fn create_blocking(server: &PgServer) -> Self {
        block_on(Self::create(server))
    }

    /// Returns its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns its name, which needs no quotes.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // The test may have stopped the server, whose data then go with it.
        blocking::execute(&self.admin_url, &drop).ok();
    }
}

async fn create(admin_url: &str) -> Result<String, sqlx::Error> {
    let mut admin = PgConnection::connect(admin_url).await?;
    let now = now(&mut admin).await?;
    let name = format!("{PREFIX}{now}_{:016x}", random());
    // Copying `template1` fails while clients are connected to it.
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut admin).await?;
    admin.close().await?;
    Ok(name)
}

/// Drops databases that killed test runs have left on a server.
///
/// # Errors
/// If the server is unreachable. A database that cannot be dropped is skipped.
pub(crate) async fn drop_left_over(admin_url: &str) -> Result<(), sqlx::Error> {
    let mut admin = PgConnection::connect(admin_url).await?;
    let now = now(&mut admin).await?;
    let unused: Vec<String> = sqlx::query_scalar(
        "SELECT datname::text FROM pg_database d WHERE starts_with(datname::text, $1)
         AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)",
    )
    .bind(PREFIX)
    .fetch_all(&mut admin)
    .await?;
    for name in unused.iter().filter(|name| is_left_over(name, now)) {
        let drop = format!("DROP DATABASE IF EXISTS {name}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await.ok();
    }
    admin.close().await
}

/// Returns the server's time in seconds since 1970, which may differ from this machine's.
async fn now(admin: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT extract(epoch FROM now())::bigint")
        .fetch_one(admin)
        .await
}

fn is_left_over(name: &str, now: i64) -> bool {
    let rest = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
    let created = rest.and_then(|(seconds, _)| seconds.parse::<i64>().ok());
    created.is_some_and(|created| now - created > LEFT_OVER_AFTER.as_secs().cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_test_databases_are_leftovers() {
        let now = 1_800_000_000;
        assert!(is_left_over("messaging_test_1799990000_0a", now));
        assert!(!is_left_over("messaging_test_1799999000_0a", now));
        assert!(!is_left_over("messaging_test_0a", now));
        assert!(!is_left_over("messaging_1799990000_0a", now));
    }
}
