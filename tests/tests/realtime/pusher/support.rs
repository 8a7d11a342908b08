//! A database, a server of the Pusher protocol, and servers that use both.

use messaging_test_postgres::{Database, PgServer};
use messaging_tests::{Caller, Server, Settings, Sockudo};
use tempfile::TempDir;

pub(crate) struct Fixture {
    pub(crate) sockudo: Sockudo,
    database: Database,
    data: TempDir,
}

impl Fixture {
    /// Returns `None` if that server is not installed; a note is printed then.
    pub(crate) fn build(test: &str) -> Option<Self> {
        Some(Self::around(Sockudo::start(test)?))
    }

    pub(crate) fn around(sockudo: Sockudo) -> Self {
        Self {
            sockudo,
            database: Database::create_blocking(PgServer::shared()),
            data: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        let settings = Settings::in_directory(self.data.path()).with_env("DATABASE_URL", self.database.url());
        let environment = self.sockudo.environment();
        environment
            .into_iter()
            .fold(settings, |settings, (name, value)| settings.with_env(name, value))
    }

    pub(crate) fn server(&self) -> Server {
        self.settings().start()
    }
}

/// Returns the sum of a metric in `/metrics`, over all labels.
pub(crate) fn metric(server: &Server, name: &str) -> u64 {
    let text = server.anonymous().text("/metrics");
    let of_name = text.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let labels = series.strip_prefix("messaging_")?.strip_prefix(name)?;
        (labels.is_empty() || labels.starts_with('{')).then(|| value.parse::<u64>().unwrap())
    });
    of_name.sum()
}

/// Sends a message, which must be acknowledged.
pub(crate) fn send(caller: &Caller, conversation_id: &str, text: &str) {
    let sent = caller.send(conversation_id, text, text).expect("a response");
    assert_eq!(sent.status, 201, "{sent:?}");
}
