//! The load bench works on a small scale: every scenario runs without an error, and the data match a recount
//! afterwards; a backlog is published and mailed.

use std::process::Command;

use serde_json::Value;

#[test]
fn every_scenario_runs_without_errors_or_discrepancies() {
    let ran = Command::new(messaging_tests::built("messaging-load"))
        .args(["--json", "--verify", "--seconds", "1", "--turns", "1"])
        .args(["--messages", "10000", "--connections", "8"])
        .args(["--rate", "20", "--sockets", "20"])
        .output()
        .expect("the bench can be run");
    let (output, log) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{output}{log}");
    let lines = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let measured: Vec<(String, bool, bool)> = lines
        .map(|line| {
            assert_eq!(line["errors"], 0, "{line}");
            assert!(line["perSecond"].as_f64() > Some(0.0), "{line}");
            assert!(line["p99Ms"].as_f64() >= line["p50Ms"].as_f64(), "{line}");
            let name = line["scenario"].as_str().unwrap_or_default().to_owned();
            (name, line["ratio"].is_f64(), line["serverMib"].is_f64())
        })
        .collect();
    let expected = [
        ("send", true),
        ("send-one", true),
        ("lone", true),
        ("history", true),
        ("history-deep", true),
        ("list", true),
        ("unread", true),
        ("mark-read", false),
        ("open", false),
        ("send", false),
        ("delivery", false),
        ("idle", false),
    ];
    let expected = expected.map(|(name, has_reference)| (name.to_owned(), has_reference, true));
    assert_eq!(measured, expected);
}

#[test]
fn several_processes_serve_a_backlog_once() {
    let ran = Command::new(messaging_tests::built("messaging-load"))
        .args(["crowd", "--conversations", "300", "--processes", "3"])
        .args([
            "--publish-ms",
            "1",
            "--mail-ms",
            "1",
            "--every",
            "1",
            "--idle",
            "1",
        ])
        .output()
        .expect("the bench can be run");
    let (output, log) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{output}{log}");
    assert!(
        output.contains("published more than once: 0, e-mails repeated: 0"),
        "{output}{log}"
    );
}
