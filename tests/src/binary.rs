//! The programs under test.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

use crate::environment::variable;

/// Returns the path of the server's binary.
pub(crate) fn server() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("messaging-server"))
}

/// Builds the binary of this name in a package, in the profile of the tests, and returns its path.
///
/// # Panics
/// If it cannot be built.
pub fn built(package: &str) -> PathBuf {
    build(package, &[], package)
}

/// Builds an example of a package in the same way, and returns its path.
///
/// # Panics
/// If it cannot be built.
pub fn built_example(package: &str, example: &str) -> PathBuf {
    build(package, &["--example", example], example)
}

fn build(package: &str, target: &[&str], name: &str) -> PathBuf {
    let cargo = variable("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let built = Command::new(cargo)
        .args([
            "build",
            "--package",
            package,
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(target)
        .args(["--profile", &profile()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be run");
    assert!(built.status.success(), "{name} cannot be built");
    let messages = String::from_utf8(built.stdout).expect("cargo writes UTF-8");
    let mut artifacts = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = artifacts.find_map(|artifact| {
        let is_it = artifact["target"]["name"] == name;
        artifact["executable"]
            .as_str()
            .filter(|_| is_it)
            .map(PathBuf::from)
    });
    executable.expect("cargo prints the path of the binary")
}

/// Returns the profile of the running test, whose path is `<target>/<profile's directory>/deps/`.
fn profile() -> String {
    let test = env::current_exe().expect("the path of the test is known");
    let directory = test.parent().and_then(Path::parent).and_then(Path::file_name);
    match directory.and_then(|name| name.to_str()) {
        None | Some("debug") => "dev".to_owned(),
        Some(name) => name.to_owned(),
    }
}
