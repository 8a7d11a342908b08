//! Parsing of the database's URL without logging any part of it.
//!
//! A URL may carry secrets in every part. The driver logs unknown parameters with their values, and quotes
//! values it cannot parse. Therefore it receives known parameters only, and its error messages are discarded.

use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use url::Url;

/// The URL schemes of PostgreSQL.
const SCHEMES: [&str; 2] = ["postgres", "postgresql"];

/// The parameters that the driver knows, besides `options[…]`.
const KNOWN: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Parameters of other PostgreSQL clients, whose names are safe to log. Any other name may be part of a value
/// in which a character was not escaped.
const OF_OTHER_CLIENTS: [&str; 14] = [
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "gssencmode",
    "keepalives",
    "krbsrvname",
    "load_balance_hosts",
    "passfile",
    "requirepeer",
    "service",
    "sslcrl",
    "sslnegotiation",
    "sslpassword",
    "target_session_attrs",
];

/// Why a text is not a database URL. Contains nothing of the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidUrl {
    #[error("it does not begin with postgres:// or postgresql://")]
    Scheme,
    #[error("it cannot be read as a URL")]
    Syntax(#[source] url::ParseError),
    #[error("the value of a part cannot be read: a port, an address, a number, or a mode of TLS")]
    Value,
}

/// Parses a PostgreSQL URL.
pub(super) fn parse(url: &str) -> Result<PgConnectOptions, InvalidUrl> {
    let is_of_postgresql = url
        .split_once("://")
        .is_some_and(|(scheme, _)| SCHEMES.contains(&scheme));
    if !is_of_postgresql {
        return Err(InvalidUrl::Scheme);
    }
    let mut url = Url::parse(url).map_err(InvalidUrl::Syntax)?;
    retain_known(&mut url);
    // The driver's error quotes the value.
    PgConnectOptions::from_url(&url).map_err(|_| InvalidUrl::Value)
}

/// Removes the parameters that the driver does not know.
fn retain_known(url: &mut Url) {
    let (known, unknown): (Vec<_>, Vec<_>) = url
        .query_pairs()
        .into_owned()
        .partition(|(name, _)| KNOWN.contains(&name.as_str()) || name.starts_with("options["));
    for (name, _) in &unknown {
        if let Some(name) = OF_OTHER_CLIENTS.iter().find(|other| *other == name) {
            tracing::warn!(
                name,
                "a parameter of the database's URL is not supported; ignoring it"
            );
        } else {
            tracing::warn!("a parameter of the database's URL is unknown; ignoring it");
        }
    }
    if known.is_empty() {
        url.set_query(None);
    } else {
        url.query_pairs_mut().clear().extend_pairs(&known);
    }
}

#[cfg(test)]
mod tests {
    use std::{error::Error, fmt::Write as _};

    use tracing::subscriber::with_default;

    use super::{super::log::Log, *};
    use crate::{PgOptions, PgStore};

    /// The log and the error of parsing a URL.
    fn said(url: &str) -> String {
        let log = Log::default();
        let taken = with_default(log.clone(), || PgStore::from_url(url, &PgOptions::default()));
        let mut said = log.text();
        if let Err(error) = taken {
            let mut cause: Option<&dyn Error> = Some(&error);
            while let Some(error) = cause {
                writeln!(said, "{error} {error:?}").unwrap();
                cause = error.source();
            }
        }
        said
    }

    #[test]
    fn a_url_of_another_database_is_refused() {
        for url in ["postgres://localhost", "postgresql://me@localhost:1/app"] {
            assert!(parse(url).is_ok(), "{url}");
        }
        for url in ["", "app", "localhost:5432/app", "mysql://localhost/app"] {
            assert_eq!(parse(url).unwrap_err(), InvalidUrl::Scheme, "{url}");
        }
    }

    #[tokio::test]
    async fn errors_reveal_no_secret_of_a_url() {
        for url in [
            "postgres://me:sesame@localhost/app?sslpassword=sesame",
            "postgres://me@localhost/app?password=sesame&passwort=sesame",
            "postgres://me@localhost/app?ssl%70assword=s%65same",
            "postgres://me@localhost/app?password=open&sesame",
            "postgres://me@localhost/app?sslmode=sesame",
            "postgres://me@localhost/app?port=sesame",
            "postgres://me@localhost/app?hostaddr=sesame",
            "postgres://me@localhost/app?statement-cache-capacity=sesame",
            "postgres://me:open/sesame@localhost/app",
            "postgres://me:%FFsesame@localhost/app",
            "postgres://me:sesame@localhost:port/app",
            "postgres://me:sesame@[localhost/app",
            "mysql://me:sesame@localhost/app",
            "me:sesame@localhost/app",
        ] {
            let said = said(url);
            assert!(!said.contains("sesame"), "{url}: {said}");
        }
    }

    #[tokio::test]
    async fn an_unsupported_parameter_is_named_and_an_unknown_one_is_not() {
        let said =
            said("postgres://localhost/app?sslpassword=x&target_session_attrs=any&keep=1&sslmode=prefer");
        assert!(
            said.contains("sslpassword") && said.contains("target_session_attrs"),
            "{said}"
        );
        assert!(!said.contains("keep"), "{said}");
    }

    #[test]
    fn parameters_of_the_driver_are_unchanged() {
        let options =
            parse("postgres://me@localhost/a?x=1&application_name=b%26c&options[jit]=on&dbname=d").unwrap();
        assert_eq!(options.get_application_name(), Some("b&c"));
        assert_eq!(options.get_database(), Some("d"));
        assert_eq!(options.get_options(), Some("-c jit=on"));
    }
}
