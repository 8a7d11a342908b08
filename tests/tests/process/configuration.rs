//! The server's settings, and its messages about them.

use std::fs;

use messaging_tests::{Server, Settings};

#[test]
fn help_lists_exactly_the_settings() {
    let help = Settings::new()
        .with_env("DATABASE_URL", "postgres://me:hush@localhost/x")
        .with_env("PUSHER_SECRET", "hush")
        .with_env("SMTP_URL", "smtp://me:hush@localhost")
        .with_argument("--help")
        .run();
    assert!(help.status.success());
    for name in [
        "BIND",
        "DATABASE_URL",
        "DATA_DIR",
        "RUST_LOG",
        "PUSHER_APP_ID",
        "PUSHER_KEY",
        "PUSHER_SECRET",
        "PUSHER_CLUSTER",
        "PUSHER_HOST",
        "PUSHER_PORT",
        "PUSHER_USE_TLS",
        "SMTP_URL",
        "MAIL_FROM",
        "PUBLIC_URL",
        "DIGEST_DELAY",
        "127.0.0.1:3000",
        "./data",
        "for demonstration only",
    ] {
        assert!(help.output.contains(name), "{name} is missing:\n{}", help.output);
    }
    assert!(!help.output.contains("hush"), "{}", help.output);
}

#[test]
fn an_unusable_address_is_reported() {
    let malformed = Settings::new().with_env("BIND", "here").run();
    assert_eq!(malformed.status.code(), Some(2));
    assert!(malformed.log.contains("--bind"), "{}", malformed.log);

    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path());
    let other = tempfile::tempdir().unwrap();
    let taken = Settings::in_directory(other.path())
        .with_env("BIND", first.address().to_string())
        .run();
    assert_eq!(taken.status.code(), Some(1));
    let says = format!("cannot listen on {}", first.address());
    assert!(taken.log.contains(&says), "{}", taken.log);
}

#[test]
fn an_unusable_data_directory_is_reported() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    fs::write(&file, "").unwrap();
    let ended = Settings::in_directory(&file).run();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.log.contains("data directory"), "{}", ended.log);

    fs::write(
        data.path().join("messaging.db"),
        "this text is not a database, whatever its length",
    )
    .unwrap();
    let ended = Settings::in_directory(data.path()).run();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.log.contains("cannot be used"), "{}", ended.log);
}

#[test]
fn without_a_setting_the_data_directory_is_created_in_the_current_one() {
    let directory = tempfile::tempdir().unwrap();
    let server = Settings::new()
        .with_env("BIND", "127.0.0.1:0")
        .with_working_directory(directory.path())
        .start();
    server.caller("client-1").open("agency-1");
    let ended = server.stop("TERM");
    assert!(ended.status.success(), "{}", ended.log);
    assert!(directory.path().join("data/messaging.db").is_file());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

    // The next start finds the file.
    let again = Server::start(&directory.path().join("data"));
    let conversations = again.caller("client-1").data("/api/messages/conversations");
    assert_eq!(conversations.as_array().unwrap().len(), 1);
}

#[test]
fn risky_settings_are_logged_as_warnings() {
    let data = tempfile::tempdir().unwrap();
    let quiet = Settings::in_directory(data.path()).start().stop("TERM").log;
    assert!(
        quiet.contains("the login is for demonstration only") && quiet.contains("open http://127.0.0.1:")
    );
    assert!(
        quiet.contains("e-mails are shown at http://127.0.0.1:"),
        "{quiet}"
    );
    for warning in ["beyond this machine", "channels are embedded"] {
        assert!(!quiet.contains(warning), "{quiet}");
    }

    let loud = Settings::in_directory(data.path())
        .with_env("BIND", "0.0.0.0:0")
        .with_env("SMTP_URL", "smtp://me:secret@localhost");
    let loud = loud.start().stop("INT").log;
    assert!(loud.contains("beyond this machine"), "{loud}");
    assert!(!loud.contains("/demo/mail") && !loud.contains("secret"), "{loud}");
}

#[test]
fn an_incomplete_pusher_app_is_refused_at_start() {
    let data = tempfile::tempdir().unwrap();
    let all = [
        ("PUSHER_APP_ID", "1"),
        ("PUSHER_KEY", "a-key"),
        ("PUSHER_SECRET", "hush-hush"),
        ("PUSHER_CLUSTER", "eu"),
    ];
    for (missing, _) in all {
        let with_others = all.iter().filter(|(name, _)| *name != missing);
        let settings = Settings::in_directory(data.path()).with_env(missing, "");
        let refused = with_others
            .fold(settings, |settings, (name, value)| settings.with_env(name, value))
            .run();
        assert_eq!(refused.status.code(), Some(1), "{}", refused.log);
        assert!(refused.log.contains(missing), "{missing}: {}", refused.log);
        assert!(!refused.log.contains("hush"), "{}", refused.log);
    }
    assert_eq!(
        fs::read_dir(data.path()).unwrap().count(),
        0,
        "no file was created"
    );
}
