use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{eventually, program::Program};

/// A server of the Pusher Channels protocol that is not ours. It ends when this is dropped, or the process
/// ends, however it does.
#[derive(Debug)]
pub struct Sockudo {
    program: PathBuf,
    app: App,
    port: u16,
    /// How many calls of its HTTP API it answers in a second; all without.
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

/// What the next `sh` runs: the server, until its own input ends, because whoever holds the other end has.
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
    /// Starts one on a free port. Where it is not installed it says that `test` is skipped, and there is none;
    /// where `CI` is set, that is a failure.
    ///
    /// # Panics
    /// When it does not start, with what it said; or when it is not installed and `CI` is set.
    pub fn start(test: &str) -> Option<Self> {
        Self::start_with(test, None)
    }

    /// The same, but it answers only so many calls of its HTTP API in a second, and the others with 429.
    ///
    /// # Panics
    /// As [`start`](Self::start).
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// By what clients name the app.
    pub fn key(&self) -> &str {
        self.app.key
    }

    /// With what the app signs.
    pub fn secret(&self) -> &str {
        self.app.secret
    }

    /// By what the HTTP API names the app.
    pub fn app_id(&self) -> &str {
        self.app.id
    }

    /// The variables by which a server of ours finds it.
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

    /// Ends it as a lost machine would.
    ///
    /// # Panics
    /// When it was not running.
    pub fn stop(&mut self) {
        let mut shell = self.shell.take().expect("it is running");
        drop(shell.stdin.take());
        shell.wait().expect("it is our child");
    }

    /// Starts it again, on the same port, and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
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
            .expect("there is a shell");
        let mut pid = String::new();
        let said = shell.stdout.take().expect("it is piped");
        BufReader::new(said)
            .read_line(&mut pid)
            .expect("it says what it started");
        self.shell = Some(shell);
        let process = Path::new("/proc").join(pid.trim());
        eventually("sockudo listens", || {
            assert!(process.exists(), "sockudo does not start:\n{}", self.log());
            TcpStream::connect(self.address()).ok()
        });
    }

    /// What it has written to its log.
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
