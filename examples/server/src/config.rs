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
    /// After how many seconds a client is given up: for the head of a request, for its body, and for a pause in reading
    /// an answer, which may be up to four times as long after it has read fast.
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
    /// Lists or requeues dead letters: events that the realtime server refused for good.
    OutboxStore {
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
mod tests;
