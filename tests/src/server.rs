//! The example server in a separate process.

use std::{
    ffi::OsStr,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

use crate::{Caller, binary, eventually, log::Log};

/// A server in a separate process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    process: Process,
    address: SocketAddr,
}

/// A process and its output. It is killed when this is dropped.
#[derive(Debug)]
struct Process {
    child: Child,
    output: Log,
    log: Log,
}

/// The settings of a server.
#[derive(Debug)]
pub struct Settings(Command);

/// The end of a process.
#[derive(Debug)]
pub struct Ended {
    /// The exit status.
    pub status: ExitStatus,
    /// The standard output.
    pub output: String,
    /// The standard error.
    pub log: String,
}

impl Settings {
    /// No settings except these, whatever the environment of the tests.
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

    /// Listens on a free port, with the data in this directory.
    pub fn in_directory(data_dir: &Path) -> Self {
        Self::new()
            .with_env("BIND", "127.0.0.1:0")
            .with_env("DATA_DIR", data_dir)
            .with_env("RATE_LIMITS", "off")
    }

    /// Sets an environment variable.
    pub fn with_env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Sets the working directory.
    pub fn with_working_directory(mut self, directory: &Path) -> Self {
        self.0.current_dir(directory);
        self
    }

    /// Adds an argument.
    pub fn with_argument(mut self, argument: &str) -> Self {
        self.0.arg(argument);
        self
    }

    /// Starts the server, and waits until it ends by itself.
    ///
    /// # Panics
    /// If it has not ended within two minutes.
    pub fn run(self) -> Ended {
        self.spawn().ended("the server ends by itself")
    }

    /// Starts the server, and waits until it is ready.
    ///
    /// # Panics
    /// If it is not ready within two minutes.
    pub fn start(self) -> Server {
        let mut process = self.spawn();
        let address = eventually("the server says where it listens", || {
            let ended = process.child.try_wait().expect("the status of a child is known");
            assert!(
                ended.is_none(),
                "the server ended at once:\n{}",
                process.log.read_to_end()
            );
            process.log.text().lines().find_map(announced)
        });
        let server = Server { process, address };
        eventually("the server is ready", || {
            let answer = server.anonymous().get("/readyz");
            answer.ok().filter(|answer| answer.status == 200)
        });
        server
    }

    fn spawn(mut self) -> Process {
        let mut child = self.0.spawn().expect("the server can be started");
        Process {
            output: Log::of(child.stdout.take().expect("stdout is piped")),
            log: Log::of(child.stderr.take().expect("stderr is piped")),
            child,
        }
    }
}

/// The address in the line with the page's URL.
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
    /// Starts a server on a free port, with the data in this directory.
    pub fn start(data_dir: &Path) -> Self {
        Settings::in_directory(data_dir).start()
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns its log so far.
    pub fn log(&self) -> String {
        self.process.log.text()
    }

    /// Returns a caller with this user's login.
    pub fn caller(&self, user: &str) -> Caller {
        Caller::new(self.url(), Some(user))
    }

    /// Returns a caller without a login.
    pub fn anonymous(&self) -> Caller {
        Caller::new(self.url(), None)
    }

    /// Returns the number of conversations with unpublished events, from a check that began after this call:
    /// the server may answer with an earlier check.
    ///
    /// # Panics
    /// If the server is not ready.
    pub fn unpublished(&self) -> u64 {
        let ask = || self.anonymous().get("/readyz").expect("a response").body;
        let before = ask()["asOfMs"].as_i64().expect("a time");
        let ready = eventually("the server has made a new check", || {
            Some(ask()).filter(|ready| ready["asOfMs"] != before)
        });
        ready["unpublishedConversations"].as_u64().expect("a number")
    }

    /// Returns its process id.
    pub fn process_id(&self) -> u32 {
        self.process.child.id()
    }

    /// Sends it a signal, by the name without `SIG`.
    ///
    /// # Panics
    /// If there is no such process or signal.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.child.id());
        let sent = Command::new("sh")
            .args(["-c", &kill])
            .status()
            .expect("a shell is installed");
        assert!(sent.success(), "{kill}");
    }

    /// Kills it, as if the machine was lost.
    ///
    /// # Panics
    /// If it has ended already.
    pub fn kill(self) {
        self.signal("KILL");
        self.process.ended("the server is gone");
    }

    /// Sends it this signal, and waits until it ends.
    ///
    /// # Panics
    /// If it has not ended within two minutes.
    pub fn stop(self, signal: &str) -> Ended {
        self.signal(signal);
        self.process.ended("the server stops")
    }
}

impl Process {
    fn ended(mut self, what: &str) -> Ended {
        let status = eventually(what, || {
            self.child.try_wait().expect("the status of a child is known")
        });
        Ended {
            status,
            output: self.output.read_to_end(),
            log: self.log.read_to_end(),
        }
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "printed with the failed test")]
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            eprintln!("The server's log:\n{}", self.log.read_to_end());
        }
    }
}
