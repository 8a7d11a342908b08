//! The JavaScript suites, each with its own server. Those about events run a second time with a server of the
//! Pusher protocol by another project.

use messaging_tests::{
    Server, Settings, Sockudo,
    js::{self, Needs},
};

fn run(suite: &str, needs: Needs) {
    let data = tempfile::tempdir().unwrap();
    js::run(suite, needs, &Server::start(data.path()));
}

fn run_with_sockudo(suite: &str, needs: Needs) {
    let Some(sockudo) = Sockudo::start(suite) else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let settings = sockudo
        .environment()
        .into_iter()
        .fold(Settings::in_directory(data.path()), |settings, (name, value)| {
            settings.with_env(name, value)
        });
    js::run(suite, needs, &settings.start());
}

#[test]
fn pusher_js_and_fetch_converse_through_the_server() {
    run("e2e.test.mjs", Needs::Node);
}

#[test]
fn pusher_js_and_fetch_converse_through_another_server_of_the_protocol() {
    run_with_sockudo("e2e.test.mjs", Needs::Node);
}

#[test]
fn the_hook_of_the_requirements_works_unmodified() {
    run("hook.test.mjs", Needs::Browser);
}

#[test]
fn the_hook_works_with_another_server_of_the_protocol() {
    run_with_sockudo("hook.test.mjs", Needs::Browser);
}

#[test]
fn the_web_client_is_used_by_several_people() {
    run("web-flows.test.mjs", Needs::Browser);
}

#[test]
fn the_web_client_is_used_with_another_server_of_the_protocol() {
    run_with_sockudo("web-flows.test.mjs", Needs::Browser);
}

#[test]
fn the_web_client_survives_network_failures() {
    run("web-network.test.mjs", Needs::Browser);
}

#[test]
fn the_web_client_survives_network_failures_with_another_server_of_the_protocol() {
    run_with_sockudo("web-network.test.mjs", Needs::Browser);
}

#[test]
fn the_web_client_sends_pending_messages_after_waking_up() {
    run("web-asleep.test.mjs", Needs::Browser);
}

#[test]
fn the_web_client_works_on_all_devices() {
    run("web-devices.test.mjs", Needs::Browser);
}

#[test]
fn the_web_client_scrolls_long_histories() {
    run("web-history.test.mjs", Needs::Browser);
}

#[test]
fn every_page_of_the_web_client_is_accessible() {
    run("web-pages.test.mjs", Needs::Browser);
}
