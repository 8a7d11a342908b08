//! The configuration: flags, or environment variables of the same meaning.

use std::{
    fmt,
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand};

use crate::verify::VerifyArgs;

/// A small marketplace whose clients and agents talk to each other: the example host of the messaging
/// crates. Needs no other service, but can use a PostgreSQL database. Its login is for demonstration only: whoever reaches it can be anyone.
#[derive(Debug, Parser)]
#[command(
    name = "messaging-server",
    version,
    after_help = "Stop it with Ctrl-C or SIGTERM: it finishes what it has begun. Nothing that it has \
                  acknowledged is lost if it is killed instead."
)]
pub(crate) struct Config {
    /// The address and port to listen on; port 0 takes a free one.
    #[arg(long, env = "BIND", default_value = "127.0.0.1:3000", value_parser = parse_address)]
    pub(crate) bind: SocketAddr,
    /// The PostgreSQL database in which messages are kept, in a schema of their own; any number of servers may
    /// share it. Without it they are in a SQLite file.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<DatabaseUrl>,
    /// The directory of the SQLite file, made if it is not there. It must be on a local disk, and belongs to
    /// one running server.
    #[arg(long, env = "DATA_DIR", default_value = "./data")]
    pub(crate) data_dir: PathBuf,
    /// What is logged, to standard error: a level, or directives such as `info,messaging_core=debug`.
    #[arg(long = "log", env = "RUST_LOG", default_value = "info")]
    pub(crate) log: String,
    #[command(flatten)]
    not_yet: NotYet,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What else this program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Recounts what is kept as numbers from the messages, and says what does not add up. Changes nothing, and
    /// may run beside servers. Ends with status 0 when all adds up, and with 3 when something does not.
    Verify(VerifyArgs),
}

/// Variables that a later version will know. One who sets them expects something that does not happen.
#[derive(Debug, Args)]
struct NotYet {
    #[arg(long, env = "PUSHER_APP_ID", hide = true)]
    pusher_app_id: Option<String>,
    #[arg(long, env = "SMTP_URL", hide = true)]
    smtp_url: Option<String>,
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
    /// The names of variables that are set and have no effect.
    pub(crate) fn without_effect(&self) -> Vec<&'static str> {
        let NotYet {
            pusher_app_id,
            smtp_url,
        } = &self.not_yet;
        [("PUSHER_APP_ID", pusher_app_id), ("SMTP_URL", smtp_url)]
            .into_iter()
            .filter_map(|(name, value)| value.is_some().then_some(name))
            .collect()
    }
}

fn parse_address(address: &str) -> Result<SocketAddr, String> {
    let mut resolved = address.to_socket_addrs().map_err(|why| why.to_string())?;
    resolved
        .next()
        .ok_or_else(|| "the name has no address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_has_no_effect_yet_is_known() {
        let config = config(&["--smtp-url", "smtp://localhost", "--pusher-app-id", "1"]).unwrap();
        assert_eq!(config.without_effect(), ["PUSHER_APP_ID", "SMTP_URL"]);
    }

    #[test]
    fn a_password_is_never_shown() {
        let config = config(&["--database-url", "postgres://me:secret@localhost/x"]).unwrap();
        assert!(!format!("{config:?}").contains("secret"));
    }
}
