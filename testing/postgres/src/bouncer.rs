use std::{
    io::{self, Write as _},
    thread,
    time::Duration,
};

use crate::{
    PgServer,
    environment::variable,
    free_port::free_port,
    programs,
    supervisor::{Supervisor, quoted},
    url::ServerUrl,
};

/// `PgBouncer` in transaction mode: consecutive transactions of a client may use different server
/// connections, without the session's settings and prepared statements. It ends when this is dropped or the
/// process ends.
#[derive(Debug)]
pub struct PgBouncer {
    supervisor: Supervisor,
    url: ServerUrl,
    database: String,
}

/// Few connections, so that clients must share them.
const SETTINGS: [(&str, &str); 7] = [
    ("listen_addr", "127.0.0.1"),
    ("unix_socket_dir", ""),
    ("auth_type", "any"),
    ("pool_mode", "transaction"),
    ("default_pool_size", "2"),
    ("max_client_conn", "200"),
    // Required for clients with sqlx.
    ("ignore_startup_parameters", "extra_float_digits"),
];

const TRIES: usize = 5;
const LOOKS: usize = 500;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

impl PgBouncer {
    /// Returns whether `PgBouncer` is installed. If it is not, prints that `what` is skipped; if `CI` is set,
    /// it panics instead.
    ///
    /// # Panics
    /// If it is not installed and `CI` is set.
    pub fn is_installed_for(what: &str) -> bool {
        let is_installed = programs::bouncer().is_some();
        if !is_installed {
            let missing = "there is no pgbouncer: install Debian's package of that name";
            assert!(variable("CI").is_none(), "{what} cannot be run: {missing}");
            // Bypasses the test harness, which hides the output of passing tests.
            writeln!(io::stderr(), "SKIPPED: {what}: {missing}").ok();
        }
        is_installed
    }

    /// Starts one with two connections to a server and access to all of its databases; [`url`](Self::url)
    /// names this one.
    ///
    /// # Panics
    /// If it is not installed or does not start; the message contains its log.
    pub fn start(server: &PgServer, database: &str) -> Self {
        Self::start_with(server, database, &[])
    }

    /// Like [`start`](Self::start), with further settings in the notation of `pgbouncer.ini`.
    ///
    /// # Panics
    /// Like [`start`](Self::start).
    pub fn start_with(server: &PgServer, database: &str, settings: &[(&str, &str)]) -> Self {
        let program = programs::bouncer().expect("pgbouncer is installed");
        let supervisor = Supervisor::start("kill -KILL $(cat pid)");
        for _ in 0..TRIES {
            let port = free_port();
            let port_text = port.to_string();
            let all = SETTINGS.iter().chain(settings).copied();
            let all = all.chain([("listen_port", port_text.as_str())]);
            configure(&supervisor, server.server_url(), all);
            let start = format!("{} -q -d pgbouncer.ini", quoted(&program.to_string_lossy()));
            if supervisor.run(&start).is_ok() && listens(&supervisor, port) {
                return Self {
                    supervisor,
                    url: ServerUrl::local(port),
                    database: database.to_owned(),
                };
            }
        }
        panic!("PgBouncer does not start:\n{}", supervisor.log());
    }

    /// Returns the URL of the database through the pooler.
    pub fn url(&self) -> String {
        self.url.of(&self.database)
    }

    /// Returns its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.url.port()
    }

    /// Returns its log so far.
    pub fn log(&self) -> String {
        self.supervisor.log()
    }
}

fn configure<'a>(
    supervisor: &Supervisor,
    server: &ServerUrl,
    settings: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let quote = |value: &str| format!("'{}'", value.replace('\'', "''"));
    let (user, password) = server.credentials();
    let password = password.map(|password| format!(" password={}", quote(&password)));
    let server = format!(
        "* = host={} port={} user={}{}",
        quote(server.host()),
        server.port(),
        quote(&user),
        password.unwrap_or_default()
    );
    let directory = supervisor.directory().display();
    let files = [
        format!("logfile = {directory}/log"),
        format!("pidfile = {directory}/pid"),
    ];
    let lines = ["[databases]".to_owned(), server, "[pgbouncer]".to_owned()]
        .into_iter()
        .chain(files)
        .chain(settings.map(|(name, value)| format!("{name} = {value}")));
    supervisor.run("rm -f pgbouncer.ini pid").ok();
    supervisor.append("pgbouncer.ini", lines);
}

/// Waits briefly until it listens. Another program could answer on the port, so its own log decides.
fn listens(supervisor: &Supervisor, port: u16) -> bool {
    let line = format!("listening on 127.0.0.1:{port}");
    (0..LOOKS).any(|_| {
        let listens = supervisor.log().contains(&line);
        if !listens {
            thread::sleep(BETWEEN_LOOKS);
        }
        listens
    })
}
