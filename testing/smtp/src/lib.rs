//! A real SMTP server for tests: aiosmtpd, and Python's `email` package to read what it got.

#![expect(
    clippy::disallowed_methods,
    reason = "a server for tests is found by the environment, and waited for"
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

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server that ends when this is dropped, or the process ends, however it does.
#[derive(Debug)]
pub struct SmtpServer {
    port: u16,
    security: Security,
    /// Where the certificate and its key are.
    files: TempDir,
    talk: Mutex<Talk>,
}

/// How a connection is kept from others' eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// It is not.
    None,
    /// By TLS from the beginning.
    Implicit,
    /// By TLS after STARTTLS, and nothing is taken without.
    StartTls,
}

#[derive(Debug)]
struct Talk {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// What the server does with an e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes it.
    Accept,
    /// Refuses it for good after its content, with 554.
    Refuse,
    /// Asks to come back later after its content, with 451.
    Temporary,
    /// Takes it, and does not answer before it is told to behave otherwise.
    Hold,
    /// Closes the connection after its content, and forgets it.
    Drop,
    /// Takes it, and closes the connection without an answer.
    TakeAndDrop,
}

/// An e-mail as it arrived, read by Python's `email` package.
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
    /// What is wrong with it, by the names of Python's classes.
    pub defects: Vec<String>,
    /// The length of the longest line on the wire, in bytes.
    pub longest_line: usize,
    /// All of it, in base64.
    pub raw: String,
}

impl Mail {
    /// The values of a header.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let named = self
            .headers
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }
}

impl SmtpServer {
    /// Starts one on a free port. Where there is no Python with aiosmtpd it says that `test` is skipped, and there is
    /// none; where `CI` is set, that is a failure.
    ///
    /// # Panics
    /// When it does not start; or when it is not installed and `CI` is set.
    pub fn start(test: &str) -> Option<Self> {
        Self::start_with(test, Security::None)
    }

    /// The same, with TLS by a certificate of its own for `localhost`.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_with(test: &str, security: Security) -> Option<Self> {
        let Some(python) = python() else {
            let missing =
                "there is no aiosmtpd: `./test` installs it, or set SMTP_PYTHON to a Python that has it";
            assert!(env::var_os("CI").is_none(), "{test} cannot be run: {missing}");
            // Past the test harness, which keeps to itself what a passing test prints.
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
            to: to.expect("it is piped"),
            from: BufReader::new(from.expect("it is piped")),
        };
        let port = talk.listen()["port"]
            .as_u64()
            .and_then(|port| u16::try_from(port).ok());
        Some(Self {
            port: port.expect("it says its port"),
            security,
            files,
            talk: Mutex::new(talk),
        })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        let port = self.port;
        match self.security {
            Security::None => format!("smtp://127.0.0.1:{port}"),
            Security::Implicit => format!("smtps://localhost:{port}"),
            Security::StartTls => format!("smtp://localhost:{port}?tls=required"),
        }
    }

    /// The file with the certificate that a client has to trust, in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.files.path().join(CERTIFICATE)
    }

    /// Does that with e-mails from now on.
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

    /// Refuses these recipients from now on, and no others.
    pub fn refuse(&self, addresses: &[&str]) {
        self.say(&json!({ "refuse": addresses }));
    }

    /// Takes e-mails to this domain from now on, and denies relaying to every other.
    pub fn deny_relaying(&self, own_domain: &str) {
        self.say(&json!({ "own_domain": own_domain }));
    }

    /// Takes e-mails to every domain again.
    pub fn relay(&self) {
        self.say(&json!({ "own_domain": null }));
    }

    /// Answers a command (`MAIL`, `RCPT`, or `DATA` after the content) with this reply from now on, and every other
    /// command as ever; all of them for an empty command.
    pub fn reply(&self, command: &str, reply: &str) {
        let replies = if command.is_empty() {
            json!({})
        } else {
            json!({ command: reply })
        };
        self.say(&json!({ "replies": replies }));
    }

    /// The e-mails that it took, the oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.say(&json!({}))
    }

    /// The same, once there are so many.
    ///
    /// # Panics
    /// When there are not within two minutes.
    pub fn wait_for(&self, count: usize) -> Vec<Mail> {
        let begun = Instant::now();
        loop {
            let mails = self.mails();
            if mails.len() >= count {
                return mails;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{} of {count} e-mails came",
                mails.len()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn say(&self, what: &Value) -> Vec<Mail> {
        let mut talk = self.talk.lock().expect("nobody panicked while talking");
        writeln!(talk.to, "{what}").expect("the server listens");
        let answer = talk.listen();
        serde_json::from_value(answer["mails"].clone()).expect("e-mails")
    }
}

impl Talk {
    fn listen(&mut self) -> Value {
        let mut line = String::new();
        self.from.read_line(&mut line).expect("the server answers");
        serde_json::from_str(&line).expect("it says JSON")
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

/// A directory with a certificate for `localhost`, and its key.
fn certificate() -> TempDir {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a name");
    let files = TempDir::new().expect("a directory");
    fs::write(files.path().join(CERTIFICATE), made.cert.pem()).expect("it is written");
    fs::write(files.path().join(KEY), made.signing_key.serialize_pem()).expect("it is written");
    files
}

/// The first Python that has aiosmtpd.
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
