//! Parsing of the command line and the environment.

use super::*;

/// Reads the configuration with these variables only.
fn with_variables(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Config, clap::Error> {
    let command_line = ["messaging-server"].iter().chain(arguments).map(OsString::from);
    Config::read_from(command_line, |name| {
        let of_name = variables.iter().find(|(other, _)| *other == name);
        of_name.map(|(_, value)| OsString::from(value))
    })
}

#[test]
fn white_space_and_quotation_marks_around_variables_are_removed() {
    let config = with_variables(
        &[],
        &[
            ("BIND", "127.0.0.1:80\n"),
            ("DATABASE_URL", "\"postgres://me:hush@localhost/x\"\r\n"),
            ("DATABASE_POOLER", " Transaction "),
            ("DATA_DIR", "'/var/lib/tours'"),
            ("RUST_LOG", "warn\n"),
            ("RATE_LIMITS", "\"False\""),
            ("MAX_CONNECTIONS", " 7\n"),
            ("MAX_WEBSOCKETS", "'8'"),
            ("CLIENT_TIMEOUT", "9s\n"),
            ("SMTP_URL", "smtp://localhost\n"),
            ("DIGEST_DELAY", "\"2m\""),
            ("MAIL_FROM", "\"Tours <a@b.example>\""),
            ("PUBLIC_URL", "https://tours.example\n"),
        ],
    )
    .unwrap();
    assert_eq!(config.bind.port(), 80);
    let database = config.database().unwrap();
    assert_eq!(database.url.as_str(), "postgres://me:hush@localhost/x");
    assert_eq!(database.pooler, DatabasePooler::Transaction);
    assert_eq!(config.data_dir, PathBuf::from("/var/lib/tours"));
    assert_eq!(config.log, "warn");
    assert!(matches!(config.rate_limits, Switch::Off));
    assert_eq!((config.max_connections, config.max_websockets), (7, 8));
    assert_eq!(config.client_timeout(), Duration::from_secs(9));
    assert_eq!(config.smtp_url(), Some("smtp://localhost"));
    assert_eq!(config.digest_delay(), Some(Duration::from_mins(2)));
    assert_eq!(config.mail_from, "Tours <a@b.example>");
    assert_eq!(config.public_url.as_deref(), Some("https://tours.example"));
}

#[test]
fn an_empty_variable_is_not_set() {
    let names: Vec<_> = Config::command()
        .get_arguments()
        .filter_map(|argument| Some(argument.get_env()?.to_str().unwrap().to_owned()))
        .collect();
    assert!(names.len() > 15, "{names:?}");
    for nothing in ["", " ", "\n", "\"\"", "''"] {
        let variables: Vec<_> = names.iter().map(|name| (name.as_str(), nothing)).collect();
        let config = with_variables(&[], &variables).unwrap();
        // The defaults, independently of the environment of the test.
        assert_eq!(
            (config.bind.to_string().as_str(), config.log.as_str()),
            ("127.0.0.1:3000", "info")
        );
        assert_eq!(
            (config.max_connections, config.client_timeout()),
            (4_096, Duration::from_secs(10))
        );
        assert_eq!(config.data_dir, PathBuf::from("./data"));
        assert!(matches!(config.rate_limits, Switch::On));
        assert_eq!(
            (config.digest_delay(), config.public_url.as_deref()),
            (None, None)
        );
        assert!(config.database().is_none() && config.smtp_url().is_none());
        assert!(config.pusher().unwrap().is_none());
    }
}

#[test]
fn a_boolean_setting_accepts_the_usual_spellings() {
    for (texts, is_on) in [
        (["on", "true", "1", "yes", "On", "TRUE"], true),
        (["off", "false", "0", "no", "OFF", "No"], false),
    ] {
        for text in texts {
            let config = with_variables(&[], &[("RATE_LIMITS", text)]).unwrap();
            assert_eq!(matches!(config.rate_limits, Switch::On), is_on, "{text}");
        }
    }
}

#[test]
fn an_invalid_variable_is_named_without_secrets() {
    for (name, value) in [
        ("BIND", "here"),
        ("DATABASE_POOLER", "statement"),
        ("RATE_LIMITS", "sometimes"),
        ("MAX_CONNECTIONS", "0"),
        ("MAX_CONNECTIONS", "4k"),
        ("MAX_WEBSOCKETS", "-1"),
        ("CLIENT_TIMEOUT", "soon"),
        ("CLIENT_TIMEOUT", "0s"),
        ("DIGEST_DELAY", "1d"),
        ("DIGEST_DELAY", "99999999999"),
    ] {
        let secrets = [
            ("DATABASE_URL", "postgres://me:hush@localhost/x"),
            ("PUSHER_SECRET", "hush"),
            ("SMTP_URL", "smtp://me:hush@localhost"),
        ];
        let error = with_variables(&[], &[&secrets[..], &[(name, value)]].concat()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(name) && !error.contains("hush"), "{name}: {error}");
    }
}

#[test]
fn the_command_line_overrides_the_environment() {
    let variables = [
        ("MAX_CONNECTIONS", "7"),
        ("DATA_DIR", "there"),
        ("PUSHER_KEY", ""),
    ];
    let config = with_variables(&["--max-connections", "8"], &variables).unwrap();
    assert_eq!(config.max_connections, 8);
    let verify = with_variables(&["--data-dir=here", "erase", "client-1"], &variables).unwrap();
    assert_eq!(verify.data_dir, PathBuf::from("here"));
    assert!(matches!(verify.command, Some(Command::Erase(_))));
}

fn config(arguments: &[&str]) -> Result<Config, clap::Error> {
    Config::try_parse_from([&["messaging-server"], arguments].concat())
}

#[test]
fn the_command_line_is_well_formed() {
    use clap::CommandFactory;
    Config::command().debug_assert();
}

#[test]
fn an_address_may_be_a_host_name() {
    let address = |bind: &str| config(&["--bind", bind]).map(|config| config.bind);
    assert!(address("localhost:80").unwrap().ip().is_loopback());
    assert_eq!(address("[::1]:80").unwrap(), "[::1]:80".parse().unwrap());
    for bad in ["", "3000", "127.0.0.1", "127.0.0.1:70000"] {
        assert!(address(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_digest_delay_is_at_least_a_second() {
    let delay = |seconds: &str| config(&["--digest-delay", seconds]).map(|config| config.digest_delay());
    assert_eq!(delay("10").unwrap(), Some(Duration::from_secs(10)));
    for bad in ["0", "-1", "soon"] {
        assert!(delay(bad).is_err(), "{bad}");
    }
    let mail = config(&["--smtp-url", "smtp://me:secret@localhost"]).unwrap();
    assert_eq!(mail.smtp_url(), Some("smtp://me:secret@localhost"));
    assert!(!format!("{mail:?}").contains("secret"));
}

#[test]
fn an_incomplete_app_is_refused_with_the_missing_variable() {
    assert!(config(&[]).unwrap().pusher().unwrap().is_none());
    let whole = [
        "--pusher-app-id=1",
        "--pusher-key=k",
        "--pusher-secret=hush",
        "--pusher-cluster=eu",
    ];
    assert!(config(&whole).unwrap().pusher().unwrap().is_some());
    for (missing, name) in ["PUSHER_APP_ID", "PUSHER_KEY", "PUSHER_SECRET", "PUSHER_CLUSTER"]
        .iter()
        .enumerate()
    {
        let mut half = whole.to_vec();
        half.remove(missing);
        let error = config(&half).unwrap().pusher().unwrap_err().to_string();
        assert!(error.contains(name) && !error.contains("hush"), "{error}");
    }
    assert!(!format!("{:?}", config(&whole).unwrap()).contains("hush"));
}

#[test]
fn the_pooling_mode_is_configurable() {
    let pooler = |arguments: &[&str]| config(arguments).map(|config| config.database_pooler);
    assert_eq!(pooler(&[]).unwrap(), DatabasePooler::Session);
    let transaction = pooler(&["--database-pooler", "transaction"]);
    assert_eq!(transaction.unwrap(), DatabasePooler::Transaction);
    assert!(pooler(&["--database-pooler", "statement"]).is_err());
}

#[test]
fn debug_output_hides_the_password() {
    let config = config(&["--database-url", "postgres://me:secret@localhost/x"]).unwrap();
    assert!(!format!("{config:?}").contains("secret"));
}
