//! The crates' examples, run like a reader runs them.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use messaging_tests::built_example;
use serde_json::{Value, json};
use ureq::Agent;

const CORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../messaging-core/examples");

/// Runs an example of the core, and returns its output.
fn output(example: &str) -> String {
    let run = Command::new(built_example("messaging-core", example))
        .stderr(Stdio::inherit())
        .output();
    let run = run.unwrap();
    let printed = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success(), "{example}: {}\n{printed}", run.status);
    printed
}

#[test]
fn every_example_of_the_core_runs_to_its_end() {
    let files = fs::read_dir(CORE).unwrap().map(|file| file.unwrap().path());
    let is_program = |path: &Path| path.extension().is_some_and(|it| it == "rs") || path.is_dir();
    let mut examples: Vec<_> = files.filter(|path| is_program(path)).collect();
    examples.sort();
    assert!(examples.len() >= 2, "{examples:?}");
    for example in &examples {
        output(example.file_stem().unwrap().to_str().unwrap());
    }
}

#[test]
fn the_quickstart_shows_a_message_before_and_after_it_is_read() {
    let expected = [
        "Ada's unread messages: 1",
        "1 of them from User carl",
        "User carl: Is the hut open in May?",
        "Ada's unread messages: 0",
    ];
    assert_eq!(output("quickstart").lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_store_with_the_required_methods_publishes_and_passes_all_that_it_claims() {
    let printed = output("custom_store");
    assert!(printed.contains("published: new-message on "), "{printed}");
    assert!(printed.ends_with(" passed, 0 failed\n"), "{printed}");
}

#[test]
fn the_minimal_host_serves_the_routes_and_stops_when_it_is_interrupted() {
    let mut host = Host(
        Command::new(built_example("messaging-axum", "minimal"))
            .env("BIND", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(host.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap();
    let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();

    let stranger = agent.get(format!("{url}/api/messages/unread")).call().unwrap();
    assert_eq!(stranger.status(), 401);
    let conversations = format!("{url}/api/messages/conversations");
    let opened = agent
        .post(&conversations)
        .header("x-user", "client-1")
        .send_json(json!({ "agentId": "agency-1" }));
    assert_eq!(opened.unwrap().status(), 201);
    let listed = agent.get(&conversations).header("x-user", "client-1").call();
    let listed: Value = listed.unwrap().body_mut().read_json().unwrap();
    assert_eq!(listed["data"][0]["agent"]["businessName"], "agency-1");

    let interrupt = format!("kill -INT {}", host.0.id());
    let sent = Command::new("sh").args(["-c", &interrupt]).status().unwrap();
    assert!(sent.success());
    drop(agent);
    assert!(host.0.wait().unwrap().success());
}

/// Killed if a test fails before stopping it.
struct Host(Child);

impl Drop for Host {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
