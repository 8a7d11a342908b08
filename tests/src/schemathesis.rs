//! schemathesis: thousands of requests generated from an OpenAPI document, valid and invalid ones.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::{
    Server,
    program::{Program, say},
};

const PROGRAM: Program = Program {
    name: "schemathesis",
    variable: "SCHEMATHESIS",
    ours: "target/python/bin",
};

/// The number of requests for each operation and kind of data.
const EXAMPLES: &str = "60";

/// Checks a server against its document, as a user or without a login. If schemathesis is not installed,
/// prints that `test` is skipped; if `CI` is set, it panics instead.
///
/// # Panics
/// If a response is not in the document or is a server error; the message contains the findings.
pub fn run(test: &str, server: &Server, user: Option<&str>, document: &Value) {
    let Some(program) = PROGRAM.find(test) else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("openapi.json");
    fs::write(&file, document.to_string()).expect("a file can be written");
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract/schemathesis.toml");
    let mut command = Command::new(program);
    command
        .current_dir(directory.path())
        .args([
            "--no-color".as_ref(),
            "--config-file".as_ref(),
            config.as_os_str(),
        ])
        .args(["run".as_ref(), file.as_os_str()])
        .args(["--url", &format!("{}/api", server.url())])
        .args(["--checks", "all", "--max-examples", EXAMPLES])
        .args(["--generation-deterministic", "--continue-on-failure"]);
    if let Some(user) = user {
        command.args(["--header", &format!("x-demo-user: {user}")]);
    }
    let ran = command.output().expect("schemathesis was found before");
    let output = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{output}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let counted = output.lines().find(|line| line.contains(" generated, "));
    say(&format!("{test}: {}", counted.unwrap_or_default().trim()));
}
