//! The configuration: flags, or environment variables of the same meaning.

use std::{
    ffi::OsString,
    fmt,
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use messaging_pusher::{PusherConfig, PusherConfigError};

use crate::{environment, outbox::OutboxCommand, personal::OfUser, verify::VerifyArgs};

/// A small marketplace whose clients and agents talk to each other: the example host of the messaging
/// crates. Needs no other service, but can use a PostgreSQL database, and Pusher Channels or a server of the same
/// protocol. Its login is for demonstration only: whoever reaches it can be anyone.
#[derive(Debug, Parser)]
#[command(
    name = "messaging-server",
    version,
    after_help = "An empty variable is not set; white space and quotation marks around a value are no part of it.\n\n\
                  Stop it with Ctrl-C or SIGTERM: it finishes what it has begun, in less than ten seconds. \
                  Nothing that it has acknowledged is lost if it is killed instead."
)]
pub(crate) struct Config {
    /// The address and port to listen on; port 0 takes a free one.
    #[arg(long, env = "BIND", default_value = "127.0.0.1:3000", value_parser = parse_address)]
    pub(crate) bind: SocketAddr,
    /// The PostgreSQL database in which messages are kept, in a schema of their own; any number of servers may
    /// share it. Without it they are in a SQLite file.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<DatabaseUrl>,
    /// What stands between this server and the PostgreSQL database: `transaction` for a pooler in transaction mode that
    /// keeps no prepared statements, as PgBouncer before version 1.21.
    #[arg(
        long,
        env = "DATABASE_POOLER",
        value_enum,
        ignore_case = true,
        default_value_t
    )]
    pub(crate) database_pooler: DatabasePooler,
    /// The directory of the SQLite file, made if it is not there. It must be on a local disk; a second server on it is
    /// refused.
    #[arg(long, env = "DATA_DIR", default_value = "./data")]
    pub(crate) data_dir: PathBuf,
    /// What is logged, to standard error: a level, or directives such as `info,messaging_core=debug`.
    #[arg(long = "log", env = "RUST_LOG", default_value = "info")]
    pub(crate) log: String,
    /// Whether each user may do only so much: with a database, of all servers together. Off for load tests.
    #[arg(long, env = "RATE_LIMITS", value_enum, ignore_case = true, default_value_t)]
    pub(crate) rate_limits: Switch,
    /// How many connections there may be; the next ones are told to come again, but for probes, which are answered.
    /// WebSockets are counted by the channels.
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "4096", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_connections: u32,
    /// How many WebSockets there may be, where this server has the channels; the next one is refused.
    #[arg(long, env = "MAX_WEBSOCKETS", default_value = "10000", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_websockets: u32,
    /// After how many seconds a client is given up: for the head of a request, for its body, and for taking a part of
    /// the answer.
    #[arg(long, env = "CLIENT_TIMEOUT", default_value = "10", value_parser = parse_seconds)]
    client_timeout: Duration,
    #[command(flatten)]
    pusher: PusherArgs,
    #[command(flatten)]
    mail: MailArgs,
    /// The sender of e-mails.
    #[arg(long, env = "MAIL_FROM", default_value = "Tours <messages@example.com>", help_heading = MAIL)]
    pub(crate) mail_from: String,
    /// Where people reach this server, for the links in e-mails; by default the address that it listens on.
    #[arg(long, env = "PUBLIC_URL", help_heading = MAIL)]
    pub(crate) public_url: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Something that can be switched off.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Switch {
    #[default]
    #[value(aliases = ["true", "yes", "1"])]
    On,
    #[value(aliases = ["false", "no", "0"])]
    Off,
}

/// What stands between this server and its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum DatabasePooler {
    /// Nothing, or what keeps a connection for its client.
    #[default]
    Session,
    /// What gives a client another connection for each transaction.
    Transaction,
}

/// What else this program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Recounts what is kept as numbers from the messages, and says what does not add up. Changes nothing, and
    /// may run beside servers. Ends with status 0 when all adds up, and with 3 when something does not.
    Verify(VerifyArgs),
    /// Writes everything that is of a user to standard output, a line of JSON each. May run beside servers.
    Export(OfUser),
    /// Forgets a user: their messages become empty, and somebody unknown stands in their place. May run beside servers,
    /// and be repeated if it was interrupted.
    Erase(OfUser),
    /// Shows or requeues events that the realtime server has refused for good, and that were set aside.
    Outbox {
        #[command(subcommand)]
        command: OutboxCommand,
    },
}

/// The app at Pusher, or at a server of the same protocol. Without any of these the channels are in this process.
#[derive(Args)]
#[expect(clippy::struct_field_names, reason = "the names of the flags")]
#[command(next_help_heading = "Pusher Channels, instead of channels in this process")]
struct PusherArgs {
    /// The app's id.
    #[arg(long, env = "PUSHER_APP_ID")]
    pusher_app_id: Option<String>,
    /// The app's key, which pages are told.
    #[arg(long, env = "PUSHER_KEY")]
    pusher_key: Option<String>,
    /// The app's secret.
    #[arg(long, env = "PUSHER_SECRET", hide_env_values = true)]
    pusher_secret: Option<String>,
    /// The cluster of hosted Pusher, for instance `eu`.
    #[arg(long, env = "PUSHER_CLUSTER")]
    pusher_cluster: Option<String>,
    /// The host of another server, instead of a cluster.
    #[arg(long, env = "PUSHER_HOST")]
    pusher_host: Option<String>,
    /// Its port; by default 443, and 80 without TLS.
    #[arg(long, env = "PUSHER_PORT")]
    pusher_port: Option<String>,
    /// Whether it is spoken to by TLS; `true` by default.
    #[arg(long, env = "PUSHER_USE_TLS")]
    pusher_use_tls: Option<String>,
}

const MAIL: &str = "E-mail to people who are away";

/// How people are mailed.
#[derive(Args)]
#[command(next_help_heading = MAIL)]
struct MailArgs {
    /// The mail server, as `smtps://user:password@mail.example` or `smtp://localhost:25`. Without it e-mails are
    /// shown on the page `/demo/mail`.
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    smtp_url: Option<String>,
    /// After how many seconds people are mailed about a message that they have not read, and the other times of
    /// e-mails in proportion; by default half an hour.
    #[arg(long, env = "DIGEST_DELAY", value_parser = parse_seconds)]
    digest_delay: Option<Duration>,
}

impl fmt::Debug for MailArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailArgs")
            .field("digest_delay", &self.digest_delay)
            .finish_non_exhaustive()
    }
}

/// A PostgreSQL database.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) url: DatabaseUrl,
    pub(crate) pooler: DatabasePooler,
}

/// Where a database is, and the password to it.
#[derive(Clone)]
pub(crate) struct DatabaseUrl(String);

impl DatabaseUrl {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for DatabaseUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

impl Config {
    /// What the command line and the environment say.
    ///
    /// # Errors
    /// Those of clap, which know how to be shown.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        #[expect(clippy::disallowed_methods, reason = "this is where the environment comes in")]
        Self::read_from(std::env::args_os(), |name| std::env::var_os(name))
    }

    fn read_from(
        command_line: impl IntoIterator<Item = OsString>,
        value_of: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        let matches = environment::read(Self::command(), command_line, value_of)?;
        Self::from_arg_matches(&matches)
    }

    /// The database of this server, if it has one beside its directory.
    pub(crate) fn database(&self) -> Option<Database> {
        let url = self.database_url.clone()?;
        Some(Database {
            url,
            pooler: self.database_pooler,
        })
    }

    /// The mail server, if one is named.
    pub(crate) fn smtp_url(&self) -> Option<&str> {
        self.mail.smtp_url.as_deref().filter(|url| !url.is_empty())
    }

    /// How long a client may take for a part of a request, or to take a part of its answer.
    pub(crate) fn client_timeout(&self) -> Duration {
        self.client_timeout
    }

    /// How long a message is unread before it is mailed, if not as long as usual.
    pub(crate) fn digest_delay(&self) -> Option<Duration> {
        self.mail.digest_delay
    }

    /// The app at Pusher, if one is named.
    pub(crate) fn pusher(&self) -> Result<Option<PusherConfig>, PusherConfigError> {
        let named = self.pusher.named();
        if named.iter().all(|(_, value)| value.is_none()) {
            return Ok(None);
        }
        let value_of = |name: &str| {
            let (_, value) = named.iter().find(|(other, _)| *other == name)?;
            value.map(str::to_owned)
        };
        PusherConfig::from_lookup(value_of).map(Some)
    }
}

impl PusherArgs {
    /// What is set and not empty, under the names of the variables.
    fn named(&self) -> [(&'static str, Option<&str>); 7] {
        [
            ("PUSHER_APP_ID", &self.pusher_app_id),
            ("PUSHER_KEY", &self.pusher_key),
            ("PUSHER_SECRET", &self.pusher_secret),
            ("PUSHER_CLUSTER", &self.pusher_cluster),
            ("PUSHER_HOST", &self.pusher_host),
            ("PUSHER_PORT", &self.pusher_port),
            ("PUSHER_USE_TLS", &self.pusher_use_tls),
        ]
        .map(|(name, value)| (name, value.as_deref().filter(|value| !value.is_empty())))
    }
}

impl fmt::Debug for PusherArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PusherArgs")
            .field("pusher_app_id", &self.pusher_app_id)
            .finish_non_exhaustive()
    }
}

fn parse_address(address: &str) -> Result<SocketAddr, String> {
    let mut resolved = address.to_socket_addrs().map_err(|why| why.to_string())?;
    resolved
        .next()
        .ok_or_else(|| "the name has no address".to_owned())
}

/// A number of seconds, or of minutes or hours with their unit.
fn parse_seconds(text: &str) -> Result<Duration, &'static str> {
    const WANTED: &str = "must be a number of seconds from 1 on, such as 10, or 10s, 5m, 1h";
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, text.as_bytes()[number.len()]),
        None => (text, b's'),
    };
    let number: u32 = number.trim_end().parse().map_err(|_| WANTED)?;
    let seconds = match unit {
        b'm' => 60,
        b'h' => 3600,
        _ => 1,
    };
    match number {
        0 => Err(WANTED),
        _ => Ok(Duration::from_secs(u64::from(number) * seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With these variables, and nothing else in the environment.
    fn with_variables(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Config, clap::Error> {
        let command_line = ["messaging-server"].iter().chain(arguments).map(OsString::from);
        Config::read_from(command_line, |name| {
            let of_name = variables.iter().find(|(other, _)| *other == name);
            of_name.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn a_variable_is_read_as_tools_write_it() {
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
            assert_eq!(format!("{config:?}"), format!("{:?}", self::config(&[]).unwrap()));
            assert!(config.database().is_none() && config.smtp_url().is_none());
            assert!(config.pusher().unwrap().is_none());
        }
    }

    #[test]
    fn a_switch_is_written_in_many_ways() {
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
    fn a_variable_that_cannot_be_used_is_named() {
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
    fn the_command_line_goes_before_the_environment() {
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
    fn an_address_may_have_a_name() {
        let address = |bind: &str| config(&["--bind", bind]).map(|config| config.bind);
        assert!(address("localhost:80").unwrap().ip().is_loopback());
        assert_eq!(address("[::1]:80").unwrap(), "[::1]:80".parse().unwrap());
        for bad in ["", "3000", "127.0.0.1", "127.0.0.1:70000"] {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn people_are_mailed_after_at_least_a_second() {
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
    fn a_half_named_app_is_refused_by_what_is_missing() {
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
    fn a_pooler_in_transaction_mode_is_said_to_be_there() {
        let pooler = |arguments: &[&str]| config(arguments).map(|config| config.database_pooler);
        assert_eq!(pooler(&[]).unwrap(), DatabasePooler::Session);
        let transaction = pooler(&["--database-pooler", "transaction"]);
        assert_eq!(transaction.unwrap(), DatabasePooler::Transaction);
        assert!(pooler(&["--database-pooler", "statement"]).is_err());
    }

    #[test]
    fn a_password_is_never_shown() {
        let config = config(&["--database-url", "postgres://me:secret@localhost/x"]).unwrap();
        assert!(!format!("{config:?}").contains("secret"));
    }
}
