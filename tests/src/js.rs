//! Suites in JavaScript, run by Node.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use crate::{Server, environment::variable, eventually, log::Log};

/// What a suite needs beside Node and its packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing else.
    Node,
    /// Chromium.
    Browser,
}

/// The first that knows `--test-force-exit`.
const OLDEST_NODE: (u32, u32) = (20, 14);

/// One suite at a time: some of them measure how fast the server is.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs a suite of `js/` against a server. Where something that it needs is missing it says that it is
/// skipped; where `CI` is set, that is a failure.
///
/// # Panics
/// When the suite fails, with what it said.
pub fn run(suite: &str, needs: Needs, server: &Server) {
    if let Err(missing) = find(needs) {
        assert!(variable("CI").is_none(), "{suite} cannot be run: {missing}");
        return say(&format!("SKIPPED: {suite}: {missing}"));
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let ran = Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .args(["--test-timeout=120000", "--test-force-exit", suite])
        .current_dir(directory())
        .env("SERVER_URL", server.url())
        .env("CHROMIUM", chromium())
        .env_remove("NODE_TEST_CONTEXT")
        .output()
        .expect("node was there a moment ago");
    let said = [ran.stdout, ran.stderr]
        .map(|said| String::from_utf8_lossy(&said).into_owned())
        .concat();
    assert!(ran.status.success(), "{suite} failed:\n{said}");
    let passed = said
        .lines()
        .find_map(|line| line.split_once("pass ").map(|(_, count)| count));
    say(&format!("{suite}: {} passed", passed.unwrap_or("?")));
}

/// A script of `js/` that runs beside a test. It is killed when this is dropped.
#[derive(Debug)]
pub struct Script {
    child: Child,
    output: Log,
    log: Log,
}

impl Script {
    /// Starts it, against a server. Where Node is missing it says that `test` is skipped, and there is none;
    /// where `CI` is set, that is a failure.
    ///
    /// # Panics
    /// When it cannot be run in CI.
    pub fn start(script: &str, test: &str, server: &Server, environment: &[(&str, &str)]) -> Option<Self> {
        if let Err(missing) = find(Needs::Node) {
            assert!(variable("CI").is_none(), "{test} cannot be run: {missing}");
            say(&format!("SKIPPED: {test}: {missing}"));
            return None;
        }
        let mut child = Command::new("node")
            .arg(script)
            .current_dir(directory())
            .env("SERVER_URL", server.url())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node was there a moment ago");
        Some(Self {
            output: Log::of(child.stdout.take().expect("it is piped")),
            log: Log::of(child.stderr.take().expect("it is piped")),
            child,
        })
    }

    /// Waits until it has said this line.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_for(&self, line: &str) {
        eventually("the script says so", || {
            self.output.text().lines().any(|said| said == line).then_some(())
        });
    }

    /// Waits for its end, and returns the last line that it said.
    ///
    /// # Panics
    /// When it fails.
    pub fn last_line(mut self) -> String {
        let output = self.output.read_to_end();
        let status = self.child.wait().expect("it is our child");
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

/// Past the test harness, which keeps to itself what a passing test prints.
fn say(words: &str) {
    writeln!(io::stderr(), "{words}").ok();
}

fn find(needs: Needs) -> Result<(), String> {
    static PACKAGES: OnceLock<Result<(), String>> = OnceLock::new();
    PACKAGES.get_or_init(install).clone()?;
    if needs == Needs::Browser && !Path::new(&chromium()).exists() {
        return Err(format!("there is no Chromium at {}", chromium().display()));
    }
    Ok(())
}

/// Installs the packages, unless what the lock file asks for is there.
fn install() -> Result<(), String> {
    let version = works(Command::new("node").arg("--version").output(), "node --version")?;
    is_new_enough(&version)?;
    let changed = |path: &str| fs::metadata(directory().join(path)).and_then(|file| file.modified());
    let installed = changed("node_modules/.package-lock.json").ok();
    if installed.is_some() && installed >= changed("package-lock.json").ok() {
        return Ok(());
    }
    let install = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    let installed = Command::new("npm")
        .args(install)
        .current_dir(directory())
        .output();
    works(installed, "npm ci").map(|_| ())
}

/// What `node --version` says, as in `v20.14.0`.
fn is_new_enough(version: &str) -> Result<(), String> {
    let version = version.trim();
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match [numbers.next(), numbers.next()] {
        [Some(Ok(major)), Some(Ok(minor))] if (major, minor) >= OLDEST_NODE => Ok(()),
        _ => Err(format!(
            "Node {}.{} or newer is needed, but `node --version` says {version}",
            OLDEST_NODE.0, OLDEST_NODE.1
        )),
    }
}

/// Runs to its end, and returns what it wrote to standard output.
fn works(outcome: io::Result<Output>, what: &str) -> Result<String, String> {
    let output = outcome.map_err(|why| format!("{what}: {why}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("js")
}

fn chromium() -> PathBuf {
    variable("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_refused() {
        for fine in ["v20.14.0\n", "v20.20.2", "v22.0.0", "v100.1.0"] {
            assert_eq!(is_new_enough(fine), Ok(()), "{fine}");
        }
        for old in ["v18.20.4", "v20.13.1", "v0.12.0", "", "no version"] {
            assert!(is_new_enough(old).is_err(), "{old}");
        }
        assert_eq!(
            is_new_enough("v18.20.4").unwrap_err(),
            "Node 20.14 or newer is needed, but `node --version` says v18.20.4"
        );
    }
}
