//! The configuration: flags or environment variables.

use std::{
    ffi::OsString,
    fmt,
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use messaging_pusher::{PusherConfig, PusherConfigError};

use crate::{environment, outbox::OutboxCommand, personal::UserArgs, verify::VerifyArgs};

/// An example marketplace whose clients and agents exchange messages: a host of the messaging crates. Needs no other
/// service; optionally uses a PostgreSQL database, and Pusher Channels or a compatible server. The login is for
/// demonstration only: callers choose their user freely.
#[derive(Debug, Parser)]
#[command(
    name = "messaging-server",
    version,
    after_help = "An empty variable counts as not set; white space and quotation marks around a value are removed.\n\n\
                  Ctrl-C and SIGTERM stop the server gracefully within ten seconds. \
                  No acknowledged message is lost if it is killed instead."
)]
pub(crate) struct Config {
    /// The address and port to listen on; port 0 chooses a free port.
    #[arg(long, env = "BIND", default_value = "127.0.0.1:3000", value_parser = parse_address)]
    pub(crate) bind: SocketAddr,
    /// The PostgreSQL database for messages, in a schema of its own; several servers may share it. By default messages
    /// are stored in a SQLite file.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<DatabaseUrl>,
    /// The pooling mode in front of the PostgreSQL database: `transaction` for a pooler in transaction mode without
    /// prepared statements, such as PgBouncer before version 1.21.
    #[arg(
        long,
        env = "DATABASE_POOLER",
        value_enum,
        ignore_case = true,
        default_value_t
    )]
    pub(crate) database_pooler: DatabasePooler,
    /// The directory of the SQLite file, created if missing. Must be on a local disk; only one server may use it.
    #[arg(long, env = "DATA_DIR", default_value = "./data")]
    pub(crate) data_dir: PathBuf,
    /// The log filter: a level, or directives such as `info,messaging_core=debug`. Logs go to standard error.
    #[arg(long = "log", env = "RUST_LOG", default_value = "info")]
    pub(crate) log: String,
    /// Whether users are rate limited; with a database, across all servers. Turn off for load tests.
    #[arg(long, env = "RATE_LIMITS", value_enum, ignore_case = true, default_value_t)]
    pub(crate) rate_limits: Switch,
    /// Maximum number of HTTP connections; further ones can reach the probes only and are told to retry. WebSockets are
    /// not counted.
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "4096", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_connections: u32,
    /// Maximum number of WebSockets with embedded channels; further ones are refused.
    #[arg(long, env = "MAX_WEBSOCKETS", default_value = "10000", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_websockets: u32,
    /// Timeout in seconds for receiving a request head, for receiving a body, and for a pause in reading a response; up
    /// to four times as long for a pause after fast reading.
    #[arg(long, env = "CLIENT_TIMEOUT", default_value = "10", value_parser = parse_seconds)]
    client_timeout: Duration,
    #[command(flatten)]
    pusher: PusherArgs,
    #[command(flatten)]
    mail: MailArgs,
    /// Sender of e-mails.
    #[arg(long, env = "MAIL_FROM", default_value = "Tours <messages@example.com>", help_heading = MAIL)]
    pub(crate) mail_from: String,
    /// Public URL of this server, for links in e-mails; by default the address it listens on.
    #[arg(long, env = "PUBLIC_URL", help_heading = MAIL)]
    pub(crate) public_url: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// A setting that is on by default.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Switch {
    #[default]
    #[value(aliases = ["true", "yes", "1"])]
    On,
    #[value(aliases = ["false", "no", "0"])]
    Off,
}

/// The pooling mode in front of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum DatabasePooler {
    /// No pooler, or one connection for each client.
    #[default]
    Session,
    /// A connection for each transaction.
    Transaction,
}

/// The other commands of this program.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Recounts all counters from the messages and prints discrepancies. Changes nothing; may run beside servers. Exits
    /// with status 0 if all counters are right, 3 otherwise.
    Verify(VerifyArgs),
    /// Writes all data of a user to standard output, one line of JSON for each item. May run beside servers.
    Export(UserArgs),
    /// Erases a user: their messages become empty and an unknown user replaces them. May run beside servers; repeat it
    /// if it was interrupted.
    Erase(UserArgs),
    /// Lists or requeues dead letters: events that the realtime server rejected permanently.
    Outbox {
        #[command(subcommand)]
        command: OutboxCommand,
    },
}

/// The app at Pusher or a compatible server. Without these, channels are embedded in this process.
#[derive(Args)]
#[expect(clippy::struct_field_names, reason = "the names of the flags")]
#[command(next_help_heading = "Pusher Channels instead of embedded channels")]
struct PusherArgs {
    /// App id.
    #[arg(long, env = "PUSHER_APP_ID")]
    pusher_app_id: Option<String>,
    /// App key; public.
    #[arg(long, env = "PUSHER_KEY")]
    pusher_key: Option<String>,
    /// App secret.
    #[arg(long, env = "PUSHER_SECRET", hide_env_values = true)]
    pusher_secret: Option<String>,
    /// Cluster of hosted Pusher, such as `eu`.
    #[arg(long, env = "PUSHER_CLUSTER")]
    pusher_cluster: Option<String>,
    /// Host of a compatible server, instead of a cluster.
    #[arg(long, env = "PUSHER_HOST")]
    pusher_host: Option<String>,
    /// Port of that server; 443 by default, 80 without TLS.
    #[arg(long, env = "PUSHER_PORT")]
    pusher_port: Option<String>,
    /// Whether to use TLS; `true` by default.
    #[arg(long, env = "PUSHER_USE_TLS")]
    pusher_use_tls: Option<String>,
}

const MAIL: &str = "Digest e-mails";

/// E-mail settings.
#[derive(Args)]
#[command(next_help_heading = MAIL)]
struct MailArgs {
    /// Mail server, as `smtps://user:password@mail.example` or `smtp://localhost:25`. By default e-mails are shown on
    /// the page `/demo/mail` instead of sent.
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    smtp_url: Option<String>,
    /// Delay in seconds before an e-mail about an unread message; scales the other digest times in proportion. 30
    /// minutes by default.
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

/// A database URL with password; not shown by `Debug`.
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
    /// Reads the command line and the environment.
    ///
    /// # Errors
    /// Errors of clap, which can print themselves.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the only place that reads the environment"
        )]
        Self::read_from(std::env::args_os(), |name| std::env::var_os(name))
    }

    fn read_from(
        command_line: impl IntoIterator<Item = OsString>,
        value_of: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        let matches = environment::read(Self::command(), command_line, value_of)?;
        Self::from_arg_matches(&matches)
    }

    /// The PostgreSQL database, if configured.
    pub(crate) fn database(&self) -> Option<Database> {
        let url = self.database_url.clone()?;
        Some(Database {
            url,
            pooler: self.database_pooler,
        })
    }

    /// The mail server, if configured.
    pub(crate) fn smtp_url(&self) -> Option<&str> {
        self.mail.smtp_url.as_deref().filter(|url| !url.is_empty())
    }

    /// The client timeout.
    pub(crate) fn client_timeout(&self) -> Duration {
        self.client_timeout
    }

    /// The digest delay, if configured.
    pub(crate) fn digest_delay(&self) -> Option<Duration> {
        self.mail.digest_delay
    }

    /// The app at Pusher, if configured.
    pub(crate) fn pusher(&self) -> Result<Option<PusherConfig>, PusherConfigError> {
        let values = self.pusher.values();
        if values.iter().all(|(_, value)| value.is_none()) {
            return Ok(None);
        }
        let value_of = |name: &str| {
            let (_, value) = values.iter().find(|(other, _)| *other == name)?;
            value.map(str::to_owned)
        };
        PusherConfig::from_lookup(value_of).map(Some)
    }
}

impl PusherArgs {
    /// The values that are set and not empty, by variable name.
    fn values(&self) -> [(&'static str, Option<&str>); 7] {
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
    let mut resolved = address.to_socket_addrs().map_err(|error| error.to_string())?;
    resolved
        .next()
        .ok_or_else(|| "the host name does not resolve to an address".to_owned())
}

/// Parses seconds, or minutes or hours with their unit.
fn parse_seconds(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "must be a number of seconds from 1 on, such as 10, or 10s, 5m, 1h";
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, text.as_bytes()[number.len()]),
        None => (text, b's'),
    };
    let number: u32 = number.trim_end().parse().map_err(|_| EXPECTED)?;
    let seconds = match unit {
        b'm' => 60,
        b'h' => 3600,
        _ => 1,
    };
    match number {
        0 => Err(EXPECTED),
        _ => Ok(Duration::from_secs(u64::from(number) * seconds)),
    }
}

#[cfg(test)]
mod tests;
