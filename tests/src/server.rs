//! The server, in a process of its own.

use std::{
    ffi::OsStr,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

use crate::{Caller, binary, eventually, log::Log};

/// A server in a process of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    process: Process,
    address: SocketAddr,
}

/// A process and what it writes. It is killed when this is dropped.
#[derive(Debug)]
struct Process {
    child: Child,
    output: Log,
    log: Log,
}

/// How to start a server.
#[derive(Debug)]
pub struct Settings(Command);

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// With what status.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub output: String,
    /// What it wrote to standard error.
    pub log: String,
}

impl Settings {
    /// Nothing set but what is given here, whatever the environment of the tests.
    pub fn new() -> Self {
        let mut command = Command::new(binary::server());
        for name in [
            "BIND",
            "DATA_DIR",
            "RUST_LOG",
            "DATABASE_URL",
            "PUSHER_APP_ID",
            "PUSHER_KEY",
            "PUSHER_SECRET",
            "PUSHER_CLUSTER",
            "PUSHER_HOST",
            "PUSHER_PORT",
            "PUSHER_USE_TLS",
            "SMTP_URL",
            "MAIL_FROM",
            "PUBLIC_URL",
            "DIGEST_DELAY",
            "RATE_LIMITS",
            "MAX_CONNECTIONS",
            "CLIENT_TIMEOUT",
        ] {
            command.env_remove(name);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(command)
    }

    /// On a free port, with its data in this directory.
    pub fn in_directory(data_dir: &Path) -> Self {
        Self::new()
            .with_env("BIND", "127.0.0.1:0")
            .with_env("DATA_DIR", data_dir)
            .with_env("RATE_LIMITS", "off")
    }

    /// With an environment variable.
    pub fn with_env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// With this as its working directory.
    pub fn with_working_directory(mut self, directory: &Path) -> Self {
        self.0.current_dir(directory);
        self
    }

    /// With an argument.
    pub fn with_argument(mut self, argument: &str) -> Self {
        self.0.arg(argument);
        self
    }

    /// Runs it to its end, which must come by itself.
    ///
    /// # Panics
    /// When it has not ended after two minutes.
    pub fn run(self) -> Ended {
        self.spawn().ended("the server ends by itself")
    }

    /// Starts it, and waits until it is ready.
    ///
    /// # Panics
    /// When it is not after two minutes.
    pub fn start(self) -> Server {
        let mut process = self.spawn();
        let address = eventually("the server says where it listens", || {
            let ended = process.child.try_wait().expect("a child can be asked");
            assert!(
                ended.is_none(),
                "the server ended at once:\n{}",
                process.log.read_to_end()
            );
            process.log.text().lines().find_map(announced)
        });
        let server = Server { process, address };
        eventually("the server is ready", || {
            let answer = server.anybody().get("/readyz");
            answer.ok().filter(|answer| answer.status == 200)
        });
        server
    }

    fn spawn(mut self) -> Process {
        let mut child = self.0.spawn().expect("the server can be started");
        Process {
            output: Log::of(child.stdout.take().expect("it is piped")),
            log: Log::of(child.stderr.take().expect("it is piped")),
            child,
        }
    }
}

/// The address in the line that says where to open the page.
fn announced(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("open http://")?;
    rest.split_once('/')?
        .0
        .replace("localhost", "127.0.0.1")
        .parse()
        .ok()
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server on a free port, with its data in this directory.
    pub fn start(data_dir: &Path) -> Self {
        Settings::in_directory(data_dir).start()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is found.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        self.process.log.text()
    }

    /// Somebody who calls it.
    pub fn caller(&self, user: &str) -> Caller {
        Caller::new(self.url(), Some(user))
    }

    /// Somebody who does not say who they are.
    pub fn anybody(&self) -> Caller {
        Caller::new(self.url(), None)
    }

    /// How many conversations have unpublished events, by a look that began after this was called: an answer may be of
    /// one before.
    ///
    /// # Panics
    /// When the server is not ready.
    pub fn unpublished(&self) -> u64 {
        let ask = || self.anybody().get("/readyz").expect("an answer").body;
        let before = ask()["asOfMs"].as_i64().expect("a time");
        let ready = eventually("the server has looked anew", || {
            Some(ask()).filter(|ready| ready["asOfMs"] != before)
        });
        ready["unpublishedConversations"].as_u64().expect("a number")
    }

    /// The number of its process.
    pub fn process_id(&self) -> u32 {
        self.process.child.id()
    }

    /// Sends it a signal, by its name without `SIG`.
    ///
    /// # Panics
    /// When there is no such process or signal.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.child.id());
        let sent = Command::new("sh")
            .args(["-c", &kill])
            .status()
            .expect("there is a shell");
        assert!(sent.success(), "{kill}");
    }

    /// Ends it as a lost machine would.
    ///
    /// # Panics
    /// When it had ended before.
    pub fn kill(self) {
        self.signal("KILL");
        self.process.ended("the server is gone");
    }

    /// Asks it to stop, by this signal, and waits for its end.
    ///
    /// # Panics
    /// When it has not ended after two minutes.
    pub fn stop(self, signal: &str) -> Ended {
        self.signal(signal);
        self.process.ended("the server stops")
    }
}

impl Process {
    fn ended(mut self, what: &str) -> Ended {
        let status = eventually(what, || self.child.try_wait().expect("a child can be asked"));
        Ended {
            status,
            output: self.output.read_to_end(),
            log: self.log.read_to_end(),
        }
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "shown with the test that failed")]
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            eprintln!("What the server logged:\n{}", self.log.read_to_end());
        }
    }
}
