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

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Fast shutdown: transactions are rolled back, clients are disconnected, and data are flushed.
    Fast,
    /// Like a crash: connections break, and the next start recovers from the write-ahead log.
    Immediate,
}

/// A private server, which ends with its data when this is dropped or the process ends.
#[derive(Debug)]
struct Private {
    supervisor: Supervisor,
    programs: PathBuf,
}

/// Settings that differ from PostgreSQL's defaults. None affects planning, compilation or locking, so that a
/// statement that is slow with the defaults is slow here, too.
const SETTINGS: [(&str, &str); 7] = [
    // Reachable from this machine only, and only by a port.
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    // Many tests share the server, each with its own pools.
    ("max_connections", "200"),
    // In the data directory, so that a killed server leaves none of it. Parallel workers keep shared memory
    // there.
    ("dynamic_shared_memory_type", "mmap"),
    // The data may be in memory, which must not hold a gigabyte of log: checkpoints come earlier.
    ("max_wal_size", "256MB"),
    // Only a crash of the machine loses unflushed data, which no test observes. Commits are faster, with the
    // same semantics and order.
    ("fsync", "off"),
    ("full_page_writes", "off"),
];

/// Another program may take a port between its choice and its use.
const TRIES: usize = 5;

impl PgServer {
    /// Returns the server that all tests of this process share: that of `DATABASE_URL`, a `postgres://` URL
    /// of a user who may create databases, or else a private one. No test may stop it.
    ///
    /// # Panics
    /// If `DATABASE_URL` is not a PostgreSQL URL, or like [`start`](Self::start).
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

    /// Starts a private server that the caller may stop or break.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start; the message contains its log.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Like [`start`](Self::start), with further settings in the notation of `postgresql.conf`, without
    /// quotes.
    ///
    /// # Panics
    /// Like [`start`](Self::start).
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::launch(Supervisor::start, settings)
    }

    /// Like [`start_with`](Self::start_with), with the data in the directory of temporary files instead of
    /// memory.
    ///
    /// # Panics
    /// Like [`start`](Self::start).
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

    /// Returns the URL of a database.
    pub fn url(&self, database: &str) -> String {
        self.url.of(database)
    }

    /// Returns the URL of a database that always exists.
    pub fn admin_url(&self) -> String {
        self.url.of_admin()
    }

    /// Returns its port, which stays the same after a restart.
    pub fn port(&self) -> u16 {
        self.url.port()
    }

    /// Whether it was started by this process.
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// Stops it, and waits until it has ended.
    ///
    /// # Panics
    /// If it is not private or does not run.
    pub fn stop(&self, how: How) {
        let private = self.private();
        let stopped = private.control(&format!("stop -m {}", how.mode()));
        assert!(stopped, "PostgreSQL does not stop:\n{}", private.supervisor.log());
    }

    /// Starts it after a [`stop`](Self::stop) on the same port and data, and waits until it is ready.
    ///
    /// # Panics
    /// If it is not private or does not start.
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
    /// If it is not private, does not run, or does not start.
    pub fn restart(&self, how: How) {
        self.stop(how);
        self.start_again();
    }

    /// Returns the log of a private server; empty for another one.
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
        // Not every system has the locale that sorts by code point and knows letters.
        let initialized = supervisor.run(&format!("{initdb} --locale=C.UTF-8 || {initdb} --locale=C"));
        assert!(
            initialized.is_ok(),
            "PostgreSQL does not create a data directory:\n{}",
            supervisor.log()
        );
        let lines = SETTINGS
            .iter()
            .chain(settings)
            .map(|(name, value)| format!("{name} = '{}'", value.replace('\'', "''")));
        supervisor.append("data/postgresql.conf", lines);
        Self { supervisor, programs }
    }

    /// Starts it; returns whether it is ready.
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
