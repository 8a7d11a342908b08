//! JavaScript suites, run by Node.

mod package;

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

pub use package::Package;

use crate::{
    Server,
    environment::variable,
    eventually,
    log::Log,
    program::{can_run, say},
};

/// The requirements of a suite besides Node and its packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// None.
    Node,
    /// Chromium.
    Browser,
}

/// The suites of this crate.
static SUITES: Package = Package::at("tests/js");

/// One suite at a time: some of them measure the server's speed.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs a suite of `js/` against a server. If a requirement is missing, prints that the suite is skipped; if
/// `CI` is set, it panics instead.
///
/// # Panics
/// If the suite fails; the message contains its output.
pub fn run(suite: &str, needs: Needs, server: &Server) {
    if !can_run(find(needs), suite) {
        return;
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let ran = Command::new("node")
        .args(["--test", "--test-reporter=spec", "--test-force-exit", suite])
        .current_dir(SUITES.directory())
        .env("SERVER_URL", server.url())
        .env("CHROMIUM", chromium())
        .env_remove("NODE_TEST_CONTEXT")
        .output()
        .expect("node was there a moment ago");
    let output = [ran.stdout, ran.stderr]
        .map(|output| String::from_utf8_lossy(&output).into_owned())
        .concat();
    assert!(ran.status.success(), "{suite} failed:\n{output}");
    let passed = output
        .lines()
        .find_map(|line| line.split_once("pass ").map(|(_, count)| count));
    count(suite, passed.unwrap_or("?"));
    for measured in output.lines().filter_map(|line| line.split_once("ms, slowest")) {
        say(&format!("{}ms, slowest{}", measured.0, measured.1));
    }
}

/// A script of `js/` that runs beside a test. It is killed when this is dropped.
#[derive(Debug)]
pub struct Script {
    child: Child,
    output: Log,
    log: Log,
}

impl Script {
    /// Starts a script against a server. If Node is missing, prints that `test` is skipped and returns
    /// `None`; if `CI` is set, it panics instead.
    ///
    /// # Panics
    /// If it cannot run and `CI` is set.
    pub fn start(script: &str, test: &str, server: &Server, environment: &[(&str, &str)]) -> Option<Self> {
        if !can_run(find(Needs::Node), test) {
            return None;
        }
        let mut child = Command::new("node")
            .arg(script)
            .current_dir(SUITES.directory())
            .env("SERVER_URL", server.url())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node was there a moment ago");
        Some(Self {
            output: Log::of(child.stdout.take().expect("stdout is piped")),
            log: Log::of(child.stderr.take().expect("stderr is piped")),
            child,
        })
    }

    /// Waits until the script has printed this line.
    ///
    /// # Panics
    /// If it does not print the line.
    pub fn wait_for(&self, line: &str) {
        eventually("the script prints the line", || {
            self.output
                .text()
                .lines()
                .any(|printed| printed == line)
                .then_some(())
        });
    }

    /// Waits for its end, and returns its last line.
    ///
    /// # Panics
    /// If it fails.
    pub fn last_line(mut self) -> String {
        let output = self.output.read_to_end();
        let status = self.child.wait().expect("the process is our child");
        assert!(status.success(), "{output}\n{}", self.log.read_to_end());
        output.lines().last().unwrap_or_default().to_owned()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Whether a package's dependencies are installed, so that `test` can run. If they cannot be installed,
/// prints that the test is skipped; if `CI` is set, it panics instead.
///
/// # Panics
/// If it cannot run and `CI` is set.
pub fn is_ready(package: &Package, test: &str) -> bool {
    can_run(package.install(), test)
}

/// Prints the number of passed tests of a suite, for the sum at the end.
pub fn count(suite: &str, passed: &str) {
    say(&format!("{suite}: {passed} passed"));
}

fn find(needs: Needs) -> Result<(), String> {
    SUITES.install()?;
    if needs == Needs::Browser && !chromium().exists() {
        return Err(format!("there is no Chromium at {}", chromium().display()));
    }
    Ok(())
}

fn chromium() -> PathBuf {
    variable("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from)
}
