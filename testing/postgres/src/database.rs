use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    PgServer,
    blocking::{self, block_on},
    fresh_name::random,
};

/// A fresh, empty database of a test's own. It is dropped with this, whoever is connected to it.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    admin_url: String,
}

const PREFIX: &str = "messaging_test_";

/// A run of tests that was killed leaves its databases on a server that was not its own. After so long,
/// those to which nobody is connected are somebody's no more.
const LEFT_OVER_AFTER: Duration = Duration::from_hours(1);

impl Database {
    /// The environment variable that names a database of `DATABASE_URL`'s server in which the processes of one run of
    /// tests keep their [schemas](crate::Schema). `with-postgres` sets it.
    pub const SHARED: &str = "TEST_DATABASE";

    /// Creates one. It is in UTF-8, and compares texts as the server's `template0` does.
    ///
    /// # Panics
    /// When the server is not there, or refuses.
    pub async fn create(server: &PgServer) -> Self {
        let admin_url = server.admin_url();
        let name = create(&admin_url).await.expect("a database can be created");
        Self {
            url: server.url(&name),
            name,
            admin_url,
        }
    }

    /// As [`create`](Self::create), where nothing can be awaited.
    ///
    /// # Panics
    /// As [`create`](Self::create).
    pub fn create_blocking(server: &PgServer) -> Self {
        block_on(Self::create(server))
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name, which needs no quotes.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // It may be that the test has stopped the server, and then its data go with it.
        blocking::execute(&self.admin_url, &drop).ok();
    }
}

async fn create(admin_url: &str) -> Result<String, sqlx::Error> {
    let mut admin = PgConnection::connect(admin_url).await?;
    let now = now(&mut admin).await?;
    let name = format!("{PREFIX}{now}_{:016x}", random());
    // Others may be connected to `template1`, and that would forbid it.
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut admin).await?;
    admin.close().await?;
    Ok(name)
}

/// Drops what killed runs of tests have left on a server.
///
/// # Errors
/// When the server is not there. That one database cannot be dropped is none.
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

/// The server's time, in seconds since 1970: that of this machine may be another.
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
