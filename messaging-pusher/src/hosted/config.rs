//! The configuration of an app and its server.

use std::{fmt, net::Ipv6Addr};

use crate::{
    credentials::{AppKey, AppSecret, Credentials},
    setting::{parse_switch, trim_value},
};

/// An app and its server: Pusher, or a compatible server. `Debug` hides the secret.
#[derive(Debug, Clone)]
pub struct PusherConfig {
    pub(super) app_id: AppId,
    pub(super) credentials: Credentials,
    pub(super) server: PusherServer,
}

/// The id of an app in the HTTP API: 1 to 64 characters of `A-Z a-z 0-9 _ -`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppId(String);

/// The text is not a valid app id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_ID_CHARS} characters of A-Z a-z 0-9 _ -")]
pub struct InvalidAppId;

/// The address of a Pusher-compatible server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PusherServer(ServerAddress);

#[derive(Debug, Clone, PartialEq, Eq)]
enum ServerAddress {
    Cluster(String),
    Host { host: String, port: u16, tls: Tls },
}

/// Whether connections use TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// TLS.
    On,
    /// Plain text: for a server on the same machine or a trusted network.
    Off,
}

/// The text is not a valid cluster or host name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a cluster name such as `eu`, or a host name or address without a scheme or port")]
pub struct InvalidServer;

/// The reason why a configuration is invalid. Contains no values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PusherConfigError {
    /// Required variables are not set or are empty.
    #[error("not set: {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// A variable has an invalid value.
    #[error("{name} is invalid")]
    Invalid {
        /// The name of the variable.
        name: &'static str,
        /// The reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// TLS cannot be set up: no root certificate, or an unreadable one.
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

const MAX_ID_CHARS: usize = 64;
const APP_ID: &str = "PUSHER_APP_ID";
const KEY: &str = "PUSHER_KEY";
const SECRET: &str = "PUSHER_SECRET";
const CLUSTER: &str = "PUSHER_CLUSTER";
const HOST: &str = "PUSHER_HOST";
const PORT: &str = "PUSHER_PORT";
const USE_TLS: &str = "PUSHER_USE_TLS";

impl AppId {
    /// Parses an id without changing it.
    ///
    /// # Errors
    /// [`InvalidAppId`] if the id is empty, longer than 64 characters, or has a character outside `A-Z a-z 0-9 _ -`.
    pub fn parse(id: impl AsRef<str>) -> Result<Self, InvalidAppId> {
        let id = id.as_ref();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        if (1..=MAX_ID_CHARS).contains(&id.len()) && id.bytes().all(allowed) {
            Ok(Self(id.to_owned()))
        } else {
            Err(InvalidAppId)
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PusherServer {
    /// Hosted Pusher, by cluster name. Always uses TLS.
    ///
    /// # Errors
    /// [`InvalidServer`] unless the name is 1 to 32 characters of `a-z 0-9 -`.
    pub fn cluster(name: impl AsRef<str>) -> Result<Self, InvalidServer> {
        let name = name.as_ref();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=32).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(ServerAddress::Cluster(name.to_owned())))
        } else {
            Err(InvalidServer)
        }
    }

    /// A compatible server, by host name or IP address.
    ///
    /// # Errors
    /// [`InvalidServer`] if the host is neither, or the port is 0.
    pub fn host(host: impl AsRef<str>, port: u16, tls: Tls) -> Result<Self, InvalidServer> {
        let host = host.as_ref();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-".contains(&b);
        let is_name = (1..=253).contains(&host.len()) && host.bytes().all(allowed);
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bare.unwrap_or(host).parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) if is_name => host.to_owned(),
            Err(_) => return Err(InvalidServer),
        };
        if port == 0 {
            return Err(InvalidServer);
        }
        Ok(Self(ServerAddress::Host { host, port, tls }))
    }

    /// The base URL of the HTTP API.
    pub(super) fn api_url(&self) -> String {
        match &self.0 {
            ServerAddress::Cluster(name) => format!("https://api-{name}.pusher.com"),
            ServerAddress::Host {
                host,
                port,
                tls: Tls::On,
            } => format!("https://{host}:{port}"),
            ServerAddress::Host {
                host,
                port,
                tls: Tls::Off,
            } => format!("http://{host}:{port}"),
        }
    }
}

impl PusherConfig {
    /// Creates a configuration.
    pub fn new(app_id: AppId, credentials: Credentials, server: PusherServer) -> Self {
        Self {
            app_id,
            credentials,
            server,
        }
    }

    /// Reads the configuration from the environment: `PUSHER_APP_ID`, `PUSHER_KEY`, `PUSHER_SECRET`, and
    /// `PUSHER_CLUSTER` for hosted Pusher. `PUSHER_HOST` selects another server and overrides the cluster, with
    /// `PUSHER_PORT` (default 443, or 80 without TLS) and `PUSHER_USE_TLS` (default `true`).
    ///
    /// # Errors
    /// [`PusherConfigError`] lists all missing variables, or names the invalid one.
    pub fn from_env() -> Result<Self, PusherConfigError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "reading the environment is the purpose of this function"
        )]
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the same variables through `value_of`. Surrounding white space and one pair of quotation marks are
    /// removed; an empty value counts as not set. `PUSHER_USE_TLS` is `true`, `on`, `yes` or `1`, or `false`, `off`,
    /// `no` or `0`.
    ///
    /// # Errors
    /// As for [`from_env`](Self::from_env).
    pub fn from_lookup(value_of: impl Fn(&str) -> Option<String>) -> Result<Self, PusherConfigError> {
        let set = |name: &str| value_of(name).and_then(|value| trim_value(&value));
        let (cluster, host) = (set(CLUSTER), set(HOST));
        let mut missing: Vec<_> = [APP_ID, KEY, SECRET]
            .into_iter()
            .filter(|name| set(name).is_none())
            .collect();
        if cluster.is_none() && host.is_none() {
            missing.push("PUSHER_CLUSTER (or PUSHER_HOST)");
        }
        if !missing.is_empty() {
            return Err(PusherConfigError::Missing(missing));
        }
        let text = |name| set(name).unwrap_or_default();
        let server = match (host, cluster) {
            (Some(host), _) => {
                let tls = match set(USE_TLS).map(|text| parse_switch(&text)) {
                    None | Some(Some(true)) => Tls::On,
                    Some(Some(false)) => Tls::Off,
                    Some(None) => return Err(invalid(USE_TLS, "must be true or false")),
                };
                let default_port = if tls == Tls::On { 443 } else { 80 };
                let port = set(PORT).map_or(Ok(default_port), |port| port.parse::<u16>());
                let port = port.map_err(|error| invalid(PORT, error))?;
                if port == 0 {
                    return Err(invalid(PORT, "must be 1 to 65535"));
                }
                PusherServer::host(host, port, tls).map_err(|error| invalid(HOST, error))?
            }
            (None, cluster) => {
                PusherServer::cluster(cluster.unwrap_or_default()).map_err(|error| invalid(CLUSTER, error))?
            }
        };
        Ok(Self {
            app_id: AppId::parse(text(APP_ID)).map_err(|error| invalid(APP_ID, error))?,
            credentials: Credentials {
                key: AppKey::parse(text(KEY)).map_err(|error| invalid(KEY, error))?,
                secret: AppSecret::parse(text(SECRET)).map_err(|error| invalid(SECRET, error))?,
            },
            server,
        })
    }

    /// The public key of the app.
    pub fn key(&self) -> &AppKey {
        &self.credentials.key
    }

    /// The cluster of hosted Pusher, or `None` for another server.
    pub fn cluster(&self) -> Option<&str> {
        match &self.server.0 {
            ServerAddress::Cluster(name) => Some(name),
            ServerAddress::Host { .. } => None,
        }
    }

    /// The host that clients connect to: `wsHost` of pusher-js.
    pub fn ws_host(&self) -> String {
        match &self.server.0 {
            ServerAddress::Cluster(name) => format!("ws-{name}.pusher.com"),
            ServerAddress::Host { host, .. } => host.clone(),
        }
    }

    /// The port that clients connect to: `wsPort` and `wssPort` of pusher-js.
    pub fn ws_port(&self) -> u16 {
        match &self.server.0 {
            ServerAddress::Cluster(_) => 443,
            ServerAddress::Host { port, .. } => *port,
        }
    }

    /// Whether clients connect with TLS: `forceTLS` of pusher-js.
    pub fn tls(&self) -> Tls {
        match &self.server.0 {
            ServerAddress::Cluster(_) => Tls::On,
            ServerAddress::Host { tls, .. } => *tls,
        }
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn invalid(
    name: &'static str,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PusherConfigError {
    PusherConfigError::Invalid {
        name,
        source: why.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTED: [(&str, &str); 4] = [
        (APP_ID, "3"),
        (KEY, "a-key"),
        (SECRET, "hush-hush"),
        (CLUSTER, "eu"),
    ];

    fn configured(values: &[(&str, &str)]) -> Result<PusherConfig, PusherConfigError> {
        let value_of = |name: &str| values.iter().rev().find(|(other, _)| *other == name);
        PusherConfig::from_lookup(|name| value_of(name).map(|(_, value)| (*value).to_owned()))
    }

    fn with(more: &[(&'static str, &'static str)]) -> Result<PusherConfig, PusherConfigError> {
        configured(&[&HOSTED[..], more].concat())
    }

    #[test]
    fn a_cluster_uses_tls() {
        let config = with(&[]).unwrap();
        assert_eq!(config.server.api_url(), "https://api-eu.pusher.com");
        assert_eq!(
            (config.ws_host().as_str(), config.ws_port()),
            ("ws-eu.pusher.com", 443)
        );
        assert_eq!((config.tls(), config.cluster()), (Tls::On, Some("eu")));
    }

    #[test]
    fn a_host_overrides_a_cluster() {
        for (more, url) in [
            (&[(HOST, "push.example")][..], "https://push.example:443"),
            (
                &[(HOST, "push.example"), (USE_TLS, "false")],
                "http://push.example:80",
            ),
            (
                &[(HOST, "127.0.0.1"), (PORT, "6001"), (USE_TLS, "0")],
                "http://127.0.0.1:6001",
            ),
            (&[(HOST, "::1"), (PORT, "6001")], "https://[::1]:6001"),
            (&[(HOST, "[::1]")], "https://[::1]:443"),
        ] {
            let config = with(more).unwrap();
            assert_eq!(config.server.api_url(), url);
            assert_eq!(config.cluster(), None);
        }
    }

    #[test]
    fn all_missing_variables_are_listed() {
        let error = configured(&[(APP_ID, ""), (SECRET, "hush-hush")])
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "not set: PUSHER_APP_ID, PUSHER_KEY, PUSHER_CLUSTER (or PUSHER_HOST)"
        );
    }

    #[test]
    fn white_space_and_quotation_marks_around_values_are_removed() {
        let written = configured(&[
            (APP_ID, "\"3\""),
            (KEY, " a-key\n"),
            (SECRET, "'hush-hush'\r\n"),
            (CLUSTER, "eu\n"),
            (HOST, " "),
            (PORT, ""),
        ]);
        let config = written.unwrap();
        assert_eq!(config.server.api_url(), "https://api-eu.pusher.com");
        assert_eq!(config.credentials.secret.expose(), "hush-hush");
        assert_eq!((config.app_id.as_str(), config.key().as_str()), ("3", "a-key"));
        for off in ["false", "OFF", "no\n", "'0'"] {
            let config = with(&[(HOST, "push.example\n"), (PORT, " 6001"), (USE_TLS, off)]);
            assert_eq!(
                config.unwrap().server.api_url(),
                "http://push.example:6001",
                "{off}"
            );
        }
        for on in ["True", "on", " yes", "\"1\"", "''"] {
            let config = with(&[(HOST, "push.example"), (USE_TLS, on)]);
            assert_eq!(config.unwrap().tls(), Tls::On, "{on}");
        }
    }

    #[test]
    fn an_invalid_variable_is_named_without_its_value() {
        let long = "hush".repeat(100);
        for (name, value) in [
            (APP_ID, "3/4"),
            (KEY, "a:b"),
            (SECRET, long.as_str()),
            (CLUSTER, "eu.evil.example/"),
        ] {
            let error = configured(&[&HOSTED[..], &[(name, value)]].concat()).unwrap_err();
            assert_eq!(error.to_string(), format!("{name} is invalid"));
            assert!(!format!("{error:?}").contains(value));
        }
        for (name, value) in [
            (HOST, "http://push.example"),
            (HOST, "push.example:6001"),
            (HOST, "me@push.example"),
            (HOST, "[push.example]"),
            (HOST, "a b"),
            (PORT, "0"),
            (PORT, "70000"),
            (USE_TLS, "maybe"),
        ] {
            let error = with(&[(HOST, "push.example"), (name, value)]).unwrap_err();
            assert_eq!(error.to_string(), format!("{name} is invalid"));
        }
    }

    #[test]
    fn debug_output_hides_the_secret() {
        let config = with(&[]).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}
