//! The suites in JavaScript, each against a server of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use messaging_tests::{
    Server,
    js::{self, Needs},
};

fn run(suite: &str, needs: Needs) {
    let data = tempfile::tempdir().unwrap();
    js::run(suite, needs, &Server::start(data.path()));
}

#[test]
fn pusher_js_and_fetch_converse_through_the_server() {
    run("e2e.test.mjs", Needs::Node);
}

#[test]
fn the_hook_of_the_requirements_works_unmodified() {
    run("hook.test.mjs", Needs::Browser);
}

#[test]
fn the_page_works_in_two_windows() {
    run("page.test.mjs", Needs::Browser);
}
