//! A real SMTP server for tests: aiosmtpd, with Python's `email` package to parse received e-mails.

#![expect(
    clippy::disallowed_methods,
    reason = "a test server is configured by the environment and waited for"
)]

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAM: &str = include_str!("server.py");

/// The time limit of every operation.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server that ends when this is dropped or the process ends in any way.
#[derive(Debug)]
pub struct SmtpServer {
    port: u16,
    security: Security,
    /// The directory with the certificate and its key.
    files: TempDir,
    talk: Mutex<Talk>,
}

/// The encryption of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// No encryption.
    None,
    /// TLS from the beginning.
    Implicit,
    /// TLS after STARTTLS, which the server requires.
    StartTls,
}

#[derive(Debug)]
struct Talk {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// The server's behaviour for an e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Accepts the e-mail.
    Accept,
    /// Refuses the e-mail permanently after its content, with 554.
    Refuse,
    /// Defers the e-mail after its content, with 451.
    Temporary,
    /// Accepts the e-mail, and does not answer until its behaviour changes.
    Hold,
    /// Closes the connection after the content, and discards the e-mail.
    Drop,
    /// Accepts the e-mail, and closes the connection without an answer.
    TakeAndDrop,
}

/// A received e-mail, parsed by Python's `email` package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Mail {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// The headers, decoded.
    pub headers: Vec<(String, String)>,
    /// The plain text.
    pub text: Option<String>,
    /// The HTML.
    pub html: Option<String>,
    /// Its defects, by the names of Python's classes.
    pub defects: Vec<String>,
    /// The length of the longest line on the wire, in bytes.
    pub longest_line: usize,
    /// The raw e-mail in base64.
    pub raw: String,
}

impl Mail {
    /// Returns the values of a header.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let named = self
            .headers
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }
}

impl SmtpServer {
    /// Starts a server on a free port. If no Python with aiosmtpd is installed, prints that `test` is skipped
    /// and returns `None`; if `CI` is set, it panics instead.
    ///
    /// # Panics
    /// If it does not start; or if it is not installed and `CI` is set.
    pub fn start(test: &str) -> Option<Self> {
        Self::start_with(test, Security::None)
    }

    /// Starts a server with TLS and a certificate for `localhost`.
    ///
    /// # Panics
    /// Like [`start`](Self::start).
    pub fn start_with(test: &str, security: Security) -> Option<Self> {
        let Some(python) = python() else {
            let missing =
                "there is no aiosmtpd: `./test` installs it, or set SMTP_PYTHON to a Python that has it";
            assert!(env::var_os("CI").is_none(), "{test} cannot be run: {missing}");
            // Bypasses the test harness, which hides the output of passing tests.
            writeln!(io::stderr(), "SKIPPED: {test}: {missing}").ok();
            return None;
        };
        let files = certificate();
        let word = match security {
            Security::None => "none",
            Security::Implicit => "implicit",
            Security::StartTls => "starttls",
        };
        let mut child = Command::new(python)
            .args(["-c", PROGRAM, word])
            .args([files.path().join(CERTIFICATE), files.path().join(KEY)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let mut talk = Talk {
            child,
            to: to.expect("stdin is piped"),
            from: BufReader::new(from.expect("stdout is piped")),
        };
        let port = talk.listen()["port"]
            .as_u64()
            .and_then(|port| u16::try_from(port).ok());
        Some(Self {
            port: port.expect("the server prints its port"),
            security,
            files,
            talk: Mutex::new(talk),
        })
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        let port = self.port;
        match self.security {
            Security::None => format!("smtp://127.0.0.1:{port}"),
            Security::Implicit => format!("smtps://localhost:{port}"),
            Security::StartTls => format!("smtp://localhost:{port}?tls=required"),
        }
    }

    /// Returns the PEM file with the certificate that clients must trust.
    pub fn certificate(&self) -> PathBuf {
        self.files.path().join(CERTIFICATE)
    }

    /// Sets its behaviour for e-mails from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.say(&json!({ "mode": match behaviour {
            Behaviour::Accept => "accept",
            Behaviour::Refuse => "refuse",
            Behaviour::Temporary => "temporary",
            Behaviour::Hold => "hold",
            Behaviour::Drop => "drop",
            Behaviour::TakeAndDrop => "drop-after",
        }}));
    }

    /// Refuses exactly these recipients from now on.
    pub fn refuse(&self, addresses: &[&str]) {
        self.say(&json!({ "refuse": addresses }));
    }

    /// Accepts e-mails to this domain only from now on, and denies relaying to every other.
    pub fn deny_relaying(&self, own_domain: &str) {
        self.say(&json!({ "own_domain": own_domain }));
    }

    /// Accepts e-mails to every domain again.
    pub fn relay(&self) {
        self.say(&json!({ "own_domain": null }));
    }

    /// Replies to a command (`MAIL`, `RCPT`, or `DATA` after the content) with this text from now on, and
    /// normally to all others. An empty command resets this.
    pub fn reply(&self, command: &str, reply: &str) {
        let replies = if command.is_empty() {
            json!({})
        } else {
            json!({ command: reply })
        };
        self.say(&json!({ "replies": replies }));
    }

    /// Returns the accepted e-mails, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.say(&json!({}))
    }

    /// Waits for `count` accepted e-mails, and returns them.
    ///
    /// # Panics
    /// If they do not arrive within two minutes.
    pub fn wait_for(&self, count: usize) -> Vec<Mail> {
        let begun = Instant::now();
        loop {
            let mails = self.mails();
            if mails.len() >= count {
                return mails;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{} of {count} e-mails arrived",
                mails.len()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn say(&self, what: &Value) -> Vec<Mail> {
        let mut talk = self.talk.lock().expect("the lock is not poisoned");
        writeln!(talk.to, "{what}").expect("the server reads stdin");
        let answer = talk.listen();
        serde_json::from_value(answer["mails"].clone()).expect("e-mails")
    }
}

impl Talk {
    fn listen(&mut self) -> Value {
        let mut line = String::new();
        self.from.read_line(&mut line).expect("the server answers");
        serde_json::from_str(&line).expect("the answer is JSON")
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// Creates a directory with a certificate for `localhost` and its key.
fn certificate() -> TempDir {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("the name is valid");
    let files = TempDir::new().expect("a directory can be created");
    fs::write(files.path().join(CERTIFICATE), made.cert.pem()).expect("the file is written");
    fs::write(files.path().join(KEY), made.signing_key.serialize_pem()).expect("the file is written");
    files
}

/// Finds the first Python with aiosmtpd.
fn python() -> Option<PathBuf> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/python/bin/python3");
    let candidates = [
        env::var_os("SMTP_PYTHON"),
        Some(own.into()),
        Some("python3".into()),
        Some("/usr/bin/python3".into()),
    ];
    candidates
        .into_iter()
        .flatten()
        .map(PathBuf::from)
        .find(|python| {
            let imported = Command::new(python)
                .args(["-c", "import aiosmtpd"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            imported.is_ok_and(|status| status.success())
        })
}
