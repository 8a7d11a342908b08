//! The environment of a measurement: a database with its data, and a server.

use std::{
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use messaging_core::store::OutboxStore as _;
use messaging_sqlx::{PgStore, postgres::Text};
use messaging_test_postgres::PgServer;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{
    args::Args,
    http::{Call, Connection},
    process::{self, Usage},
    scenario,
};

/// PostgreSQL's defaults, where the servers of tests have other values.
const DEFAULTS: [(&str, &str); 5] = [
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("max_wal_size", "1GB"),
    ("max_connections", "100"),
    ("dynamic_shared_memory_type", "posix"),
];

const SEED: &str = include_str!("seed.sql");

/// The size of the data at the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) conversations: u64,
    pub(crate) per_conversation: u64,
}

impl Scale {
    fn of(messages: u64) -> Self {
        let per_conversation = 100;
        Self {
            conversations: (messages / per_conversation).max(100),
            per_conversation,
        }
    }

    /// Returns the SQL that inserts the data.
    fn seed(self) -> String {
        SEED.replace("$conversations", &self.conversations.to_string())
            .replace("$agents", &self.agents().to_string())
            .replace("$per", &self.per_conversation.to_string())
    }

    pub(crate) fn agents(self) -> u64 {
        self.conversations / 100
    }

    pub(crate) fn messages(self) -> u64 {
        self.conversations * self.per_conversation
    }
}

pub(crate) struct Ground {
    scale: Scale,
    host: String,
    seeds: AtomicU64,
    own: Option<Own>,
}

/// The server and database of this run.
struct Own {
    server: Child,
    server_pid: u32,
    database: PgServer,
    database_pid: u32,
    url: String,
    store: PgStore,
    memory_at_start: Option<f64>,
}

impl Ground {
    pub(crate) async fn prepare(args: &Args) -> anyhow::Result<Self> {
        let scale = Scale::of(args.messages);
        if let Some(url) = &args.url {
            let host = url.trim_end_matches('/').strip_prefix("http://");
            return Ok(Self {
                scale,
                host: host.context("the URL does not begin with http://")?.to_owned(),
                seeds: AtomicU64::new(1),
                own: None,
            });
        }
        let database = start_database(args.postgres.clone()).await?;
        let url = database.url("postgres");
        let store = PgStore::new(PgPool::connect_lazy(&url)?);
        store.migrate().await?;
        let database_pid = fill(&url, &scale.seed()).await?;
        let (server, host) = start_server(&url).await?;
        let server_pid = server.id().context("the server has ended")?;
        Ok(Self {
            scale,
            host,
            seeds: AtomicU64::new(1),
            own: Some(Own {
                server,
                server_pid,
                database,
                database_pid,
                url,
                store,
                memory_at_start: mebibytes(server_pid),
            }),
        })
    }

    pub(crate) fn scale(&self) -> Scale {
        self.scale
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn next_seed(&self) -> u64 {
        self.seeds.fetch_add(1, Relaxed)
    }

    /// The URL of our own database.
    pub(crate) fn database_url(&self) -> Option<&str> {
        self.own.as_ref().map(|own| own.url.as_str())
    }

    /// The text of the store's statement; empty if the database is not ours.
    pub(crate) fn text(&self, of: Text) -> &str {
        self.own.as_ref().map_or("", |own| own.store.text(of))
    }

    pub(crate) fn usage(&self) -> Usage {
        let bench = process::cpu(std::process::id());
        self.own.as_ref().map_or(
            Usage {
                bench,
                ..Usage::default()
            },
            |own| Usage {
                server: process::cpu(own.server_pid),
                database: process::cpu_of_family(own.database_pid),
                bench,
            },
        )
    }

    /// Returns the resident memory of the server in MiB.
    pub(crate) fn server_memory(&self) -> Option<f64> {
        mebibytes(self.own.as_ref()?.server_pid)
    }

    /// Returns the resident memory before the first request, in MiB.
    pub(crate) fn server_memory_at_start(&self) -> Option<f64> {
        self.own.as_ref()?.memory_at_start
    }

    /// Returns cursors in the middle of some histories, taken from their first pages.
    pub(crate) async fn middles(&self) -> anyhow::Result<Vec<(u64, String)>> {
        let mut connection = Connection::open(&self.host).await?;
        let mut middles = Vec::new();
        let step = (self.scale.conversations / 500).max(1);
        for n in 0..self.scale.conversations.min(500) {
            let conversation = n * step;
            let page = connection.call(scenario::history(conversation, None)).await?;
            let page: Value = serde_json::from_slice(&page.body)?;
            let cursor = page["data"]["nextCursor"].as_str();
            middles.push((
                conversation,
                cursor.context("the page has no next cursor")?.to_owned(),
            ));
        }
        Ok(middles)
    }

    /// Waits until everything is published.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        let Some(own) = &self.own else {
            return Ok(());
        };
        let published = async {
            while own.store.backlog().await?.lanes > 0 {}
            anyhow::Ok(())
        };
        let published = timeout(Duration::from_mins(1), published).await;
        published.context("events are unpublished after a minute")?
    }

    /// Deletes the unpublished events of pgbench, which have no subscriber.
    pub(crate) async fn forget_unpublished(&self) -> anyhow::Result<()> {
        let Some(url) = self.database_url() else {
            return Ok(());
        };
        let mut connection = PgConnection::connect(url).await?;
        run(
            &mut connection,
            "DELETE FROM messaging.outbox; DELETE FROM messaging.lane",
        )
        .await?;
        run(&mut connection, "VACUUM messaging.outbox, messaging.lane").await
    }

    /// Stops the server and database of this run, after a verification if requested.
    pub(crate) async fn finish(mut self, args: &Args) -> anyhow::Result<()> {
        let Some(mut own) = self.own.take() else {
            return Ok(());
        };
        own.server.kill().await?;
        if args.verify {
            let recount = Command::new(server_binary()?)
                .arg("verify")
                .env("DATABASE_URL", &own.url)
                .status()
                .await?;
            ensure!(recount.success(), "the recount found discrepancies");
        }
        own.store.close().await;
        tokio::task::spawn_blocking(move || drop(own.database)).await?;
        Ok(())
    }
}

/// Starts PostgreSQL with its default settings and `further` ones.
pub(crate) async fn start_database(further: Vec<(String, String)>) -> anyhow::Result<PgServer> {
    let starting = tokio::task::spawn_blocking(move || {
        let further = further
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<_> = DEFAULTS.into_iter().chain(further).collect();
        PgServer::start_on_disk(&settings)
    });
    Ok(starting.await?)
}

/// Fills the database by SQL. Returns the process id of the PostgreSQL server.
pub(crate) async fn fill(url: &str, sql: &str) -> anyhow::Result<u32> {
    let mut connection = PgConnection::connect(url).await?;
    run(
        &mut connection,
        "SET synchronous_commit = off; SET work_mem = '256MB'",
    )
    .await?;
    run(&mut connection, sql).await?;
    // VACUUM marks a page as all-visible only once its transactions are on disk. Empty tables are left out: vacuumed, they
    // would be scanned until autovacuum analyses them (`docs/decisions/0001-planned-by-index.md`).
    let vacuum = "VACUUM (ANALYZE) messaging.conversation, messaging.message, messaging.receipt";
    for step in ["CHECKPOINT", vacuum, "CHECKPOINT"] {
        run(&mut connection, step).await?;
    }
    let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut connection)
        .await?;
    let status = std::fs::read_to_string(format!("/proc/{backend}/status"))?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    Ok(parent.context("a process has a parent")?.trim().parse()?)
}

async fn run(connection: &mut PgConnection, sql: &str) -> anyhow::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await?;
    Ok(())
}

fn mebibytes(pid: u32) -> Option<f64> {
    Some(process::memory(pid)? / 1024.0 / 1024.0)
}

/// Finds the server, which cargo builds beside this program.
fn server_binary() -> anyhow::Result<std::path::PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("messaging-server"))
}

async fn start_server(database_url: &str) -> anyhow::Result<(Child, String)> {
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--package", "messaging-server"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    ensure!(build.status().await?.success(), "the server cannot be built");
    let mut server = Command::new(server_binary()?)
        .env("DATABASE_URL", database_url)
        .env("BIND", "127.0.0.1:0")
        .env("RATE_LIMITS", "off")
        .env("MAX_CONNECTIONS", "20000")
        .env("MAX_WEBSOCKETS", "20000")
        .env_remove("SMTP_URL")
        .env_remove("PUSHER_APP_ID")
        .env("RUST_LOG", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let log = server.stderr.take().context("stderr is piped")?;
    let mut lines = BufReader::new(log).lines();
    let host = timeout(Duration::from_mins(1), async {
        while let Some(line) = lines.next_line().await? {
            if let Some((_, rest)) = line.split_once("http://") {
                let host: String = rest
                    .chars()
                    .take_while(|c| c.is_ascii_digit() || ['.', ':'].contains(c))
                    .collect();
                return anyhow::Ok(host);
            }
        }
        bail!("the server ended at once")
    })
    .await??;
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let mut connection = Connection::open(&host).await?;
    let ready = Call {
        user: "client-1".to_owned(),
        method: hyper::Method::GET,
        path: "/readyz".to_owned(),
        body: String::new(),
    };
    ensure!(
        connection.call(ready).await?.status.is_success(),
        "the server is not ready"
    );
    Ok((server, host))
}
