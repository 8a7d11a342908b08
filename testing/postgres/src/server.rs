use std::{path::PathBuf, sync::LazyLock};

use crate::{
    environment::variable,
    free_port::free_port,
    programs,
    supervisor::{Supervisor, quoted},
    url::ServerUrl,
};

/// A PostgreSQL server.
#[derive(Debug)]
pub struct PgServer {
    url: ServerUrl,
    private: Option<Private>,
}

/// How a server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// In order: transactions are rolled back, connections are told, what is written is flushed.
    Fast,
    /// As if it crashed: connections break off, and the next start recovers from the log of writes.
    Immediate,
}

/// One that was started here. It ends, and its data go, when this is dropped or the process ends.
#[derive(Debug)]
struct Private {
    supervisor: Supervisor,
    programs: PathBuf,
}

/// What differs from PostgreSQL's defaults. Nothing of how statements are planned, compiled or locked: what is slow with
/// these defaults is to be slow here, too.
const SETTINGS: [(&str, &str); 7] = [
    // Where only this machine reaches it, and by a port alone.
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    // Many tests share it, each with pools of its own.
    ("max_connections", "200"),
    // In the data directory, so that a killed server leaves none of it. What workers of a plan share lies there.
    ("dynamic_shared_memory_type", "mmap"),
    // The data may lie in memory, which is not to hold a gigabyte of log. Checkpoints come earlier.
    ("max_wal_size", "256MB"),
    // Only the end of the machine loses what is not flushed, and a test does not see that. Commits are faster; what
    // they mean, and in which order they come, is the same.
    ("fsync", "off"),
    ("full_page_writes", "off"),
];

/// Another program may take a port between its choice and its use.
const TRIES: usize = 5;

impl PgServer {
    /// The server of all tests of this process: that of the environment's `DATABASE_URL`, a `postgres://` URL
    /// of somebody who may create databases, or else a private one. Nobody may stop it.
    ///
    /// # Panics
    /// When `DATABASE_URL` is not a PostgreSQL URL, or as [`start`](Self::start).
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<PgServer> = LazyLock::new(|| match variable("DATABASE_URL") {
            None => PgServer::start(),
            Some(url) => PgServer {
                url: ServerUrl::parse(&url.to_string_lossy()).expect("DATABASE_URL is a postgres:// URL"),
                private: None,
            },
        });
        &SHARED
    }

    /// A private one of the caller's own: to stop, or to break.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start; with what it says.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// As [`start`](Self::start), with more settings, in the notation of `postgresql.conf` without quotes.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::launch(Supervisor::start, settings)
    }

    /// The same, its data being where temporary files are, and not in memory.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_on_disk(settings: &[(&str, &str)]) -> Self {
        Self::launch(Supervisor::start_on_disk, settings)
    }

    fn launch(supervisor: fn(&str) -> Supervisor, settings: &[(&str, &str)]) -> Self {
        let private = Private::create(supervisor, settings);
        for _ in 0..TRIES {
            let port = free_port();
            if private.launch(port) {
                return Self {
                    url: ServerUrl::local(port),
                    private: Some(private),
                };
            }
        }
        panic!("PostgreSQL does not start:\n{}", private.supervisor.log());
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        self.url.of(database)
    }

    /// The URL of a database that is always there.
    pub fn admin_url(&self) -> String {
        self.url.of_admin()
    }

    /// The port on which it listens; the same after a restart.
    pub fn port(&self) -> u16 {
        self.url.port()
    }

    /// Whether it was started here.
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// Stops it, and waits for its end.
    ///
    /// # Panics
    /// When it is not private, or does not run.
    pub fn stop(&self, how: How) {
        let private = self.private();
        let stopped = private.control(&format!("stop -m {}", how.mode()));
        assert!(stopped, "PostgreSQL does not stop:\n{}", private.supervisor.log());
    }

    /// Starts it after a [`stop`](Self::stop), and waits until it is ready: the same port, the same data.
    ///
    /// # Panics
    /// When it is not private, or does not start.
    pub fn start_again(&self) {
        let private = self.private();
        let started = private.launch(self.port());
        assert!(
            started,
            "PostgreSQL does not start again:\n{}",
            private.supervisor.log()
        );
    }

    /// Stops it and starts it again.
    ///
    /// # Panics
    /// When it is not private, does not run, or does not start.
    pub fn restart(&self, how: How) {
        self.stop(how);
        self.start_again();
    }

    /// What a private one has written to its log; empty for another.
    pub fn log(&self) -> String {
        let private = self.private.as_ref();
        private
            .map(|private| private.supervisor.log())
            .unwrap_or_default()
    }

    pub(crate) fn server_url(&self) -> &ServerUrl {
        &self.url
    }

    fn private(&self) -> &Private {
        self.private
            .as_ref()
            .expect("only a private server can be stopped")
    }
}

impl How {
    fn mode(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

impl Private {
    fn create(supervisor: fn(&str) -> Supervisor, settings: &[(&str, &str)]) -> Self {
        let programs = programs::server();
        let program = |name: &str| quoted(&programs.join(name).to_string_lossy());
        let stop = format!("{} stop -D data -m immediate", program("pg_ctl"));
        let supervisor = supervisor(&stop);
        let initdb = format!(
            "{} -D data -U postgres -A trust --no-sync -E UTF8",
            program("initdb")
        );
        // Not every system has the locale that sorts by code point and yet knows what a letter is.
        let initialized = supervisor.run(&format!("{initdb} --locale=C.UTF-8 || {initdb} --locale=C"));
        assert!(
            initialized.is_ok(),
            "PostgreSQL makes no data directory:\n{}",
            supervisor.log()
        );
        let lines = SETTINGS
            .iter()
            .chain(settings)
            .map(|(name, value)| format!("{name} = '{}'", value.replace('\'', "''")));
        supervisor.append("data/postgresql.conf", lines);
        Self { supervisor, programs }
    }

    /// Whether it started, and is ready.
    fn launch(&self, port: u16) -> bool {
        self.control(&format!("start -l log -o '-p {port}'"))
    }

    fn control(&self, what: &str) -> bool {
        let pg_ctl = quoted(&self.programs.join("pg_ctl").to_string_lossy());
        self.supervisor
            .run(&format!("{pg_ctl} -D data -w {what}"))
            .is_ok()
    }
}
