use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{eventually, program::Program};

/// A server of the Pusher Channels protocol by another project. It ends when this is dropped or the process
/// ends in any way.
#[derive(Debug)]
pub struct Sockudo {
    program: PathBuf,
    app: App,
    port: u16,
    /// The limit of HTTP API calls per second, if any.
    calls_a_second: Option<u32>,
    shell: Option<Child>,
    log: PathBuf,
}

#[derive(Debug)]
struct App {
    id: &'static str,
    key: &'static str,
    secret: &'static str,
}

const APP: App = App {
    id: "tests",
    key: "tests-key",
    secret: "tests-secret",
};

const PROGRAM: Program = Program {
    name: "sockudo",
    variable: "SOCKUDO",
    ours: "target/sockudo/bin",
};

/// A script that runs the server until its standard input ends, when this process does.
const SCRIPT: &str = r#"
trap '' HUP INT TERM PIPE
log=$1; shift
"$@" </dev/null >>"$log" 2>&1 &
echo $!
cat >/dev/null
kill -KILL $!
wait
"#;

impl Sockudo {
    /// Starts a server on a free port. If it is not installed, prints that `test` is skipped and returns
    /// `None`; if `CI` is set, it panics instead.
    ///
    /// # Panics
    /// If it does not start (the message contains its log), or is not installed and `CI` is set.
    pub fn start(test: &str) -> Option<Self> {
        Self::start_with(test, None)
    }

    /// Like [`start`](Self::start), but HTTP API calls beyond this number per second are answered with 429.
    ///
    /// # Panics
    /// Like [`start`](Self::start).
    pub fn start_limited(test: &str, calls_a_second: u32) -> Option<Self> {
        Self::start_with(test, Some(calls_a_second))
    }

    fn start_with(test: &str, calls_a_second: Option<u32>) -> Option<Self> {
        let program = PROGRAM.find(test)?;
        let port = messaging_test_postgres::free_port();
        let log = env::temp_dir().join(format!("messaging-sockudo-{}-{port}.log", std::process::id()));
        let mut server = Self {
            program,
            app: APP,
            port,
            calls_a_second,
            shell: None,
            log,
        };
        server.restart();
        Some(server)
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Returns the app's key, which clients use.
    pub fn key(&self) -> &str {
        self.app.key
    }

    /// Returns the app's secret, which signs.
    pub fn secret(&self) -> &str {
        self.app.secret
    }

    /// Returns the app's id, which the HTTP API uses.
    pub fn app_id(&self) -> &str {
        self.app.id
    }

    /// Returns the environment variables that connect our server to it.
    pub fn environment(&self) -> [(&'static str, String); 6] {
        [
            ("PUSHER_APP_ID", self.app.id.to_owned()),
            ("PUSHER_KEY", self.app.key.to_owned()),
            ("PUSHER_SECRET", self.app.secret.to_owned()),
            ("PUSHER_HOST", "127.0.0.1".to_owned()),
            ("PUSHER_PORT", self.port.to_string()),
            ("PUSHER_USE_TLS", "false".to_owned()),
        ]
    }

    /// Kills it, as if the machine was lost.
    ///
    /// # Panics
    /// If it is not running.
    pub fn stop(&mut self) {
        let mut shell = self.shell.take().expect("the server is running");
        drop(shell.stdin.take());
        shell.wait().expect("the process is our child");
    }

    /// Starts it again on the same port, and waits until it listens.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "sockudo"])
            .arg(&self.log)
            .arg(&self.program)
            .current_dir(env::temp_dir())
            .env("HOST", "127.0.0.1")
            .env("PORT", self.port.to_string())
            .env("SOCKUDO_DEFAULT_APP_ID", self.app.id)
            .env("SOCKUDO_DEFAULT_APP_KEY", self.app.key)
            .env("SOCKUDO_DEFAULT_APP_SECRET", self.app.secret)
            .env("SOCKUDO_ENABLE_CLIENT_MESSAGES", "true")
            .env("RATE_LIMITER_ENABLED", self.calls_a_second.is_some().to_string())
            .env(
                "RATE_LIMITER_API_MAX_REQUESTS",
                self.calls_a_second.unwrap_or(1).to_string(),
            )
            .env("RATE_LIMITER_API_WINDOW_SECONDS", "1")
            .env("METRICS_ENABLED", "false")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell is installed");
        let mut pid = String::new();
        let said = shell.stdout.take().expect("stdout is piped");
        BufReader::new(said)
            .read_line(&mut pid)
            .expect("the script prints the process id");
        self.shell = Some(shell);
        let process = Path::new("/proc").join(pid.trim());
        eventually("sockudo listens", || {
            assert!(process.exists(), "sockudo does not start:\n{}", self.log());
            TcpStream::connect(self.address()).ok()
        });
    }

    /// Returns its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Sockudo {
    fn drop(&mut self) {
        if self.shell.is_some() {
            self.stop();
        }
        fs::remove_file(&self.log).ok();
    }
}
