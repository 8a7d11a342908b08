//! `messaging-server outbox`, without a transport.

use messaging_tests::{Server, Settings};

#[test]
fn an_operator_lists_and_requeues_dead_letters() {
    let data = tempfile::tempdir().unwrap();
    let command = |arguments: &[&str]| {
        arguments
            .iter()
            .fold(Settings::in_directory(data.path()), |settings, it| {
                settings.with_argument(it)
            })
            .run()
    };
    let none = command(&["outbox", "list"]);
    assert_eq!(
        none.status.code(),
        Some(1),
        "a missing database is refused: {}",
        none.log
    );
    Server::start(data.path()).stop("TERM");

    let id = "00000000-0000-7000-8000-000000000000";
    let requeued = command(&["outbox", "requeue", id, "1"]);
    assert_eq!(
        (requeued.status.code(), requeued.output.as_str()),
        (Some(3), "requeued: 0\n")
    );
    let all = command(&["outbox", "requeue", "--all"]);
    assert_eq!(
        (all.status.code(), all.output.as_str()),
        (Some(0), "requeued: 0\n")
    );
    assert_eq!(command(&["outbox", "list"]).output, "");
    for wrong in [
        &["outbox", "requeue"][..],
        &["outbox", "requeue", id],
        &["outbox", "requeue", "x", "1"],
    ] {
        assert_eq!(command(wrong).status.code(), Some(2), "{wrong:?}");
    }
}
