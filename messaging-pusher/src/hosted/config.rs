//! Which app, and where its server is.

use std::{fmt, net::Ipv6Addr};

use crate::{
    credentials::{AppKey, AppSecret, Credentials},
    setting::{cleaned, switch},
};

/// An app at Pusher, or at another server of the same protocol. The secret is not shown by `Debug`.
#[derive(Debug, Clone)]
pub struct PusherConfig {
    pub(super) app_id: AppId,
    pub(super) credentials: Credentials,
    pub(super) server: PusherServer,
}

/// By what the HTTP API names an app: 1 to 64 characters of `A-Z a-z 0-9 _ -`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppId(String);

/// A text that cannot be an app's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_ID_CHARS} characters of A-Z a-z 0-9 _ -")]
pub struct InvalidAppId;

/// Where a server of the protocol is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PusherServer(Place);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Cluster(String),
    Host { host: String, port: u16, tls: Tls },
}

/// Whether a server is spoken to by TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// It is.
    On,
    /// In plain text: for a server on the same machine or network.
    Off,
}

/// A text that cannot be a cluster's or a host's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a cluster, as in `eu`, or a host's name or address, without a scheme or port")]
pub struct InvalidServer;

/// Why an app cannot be used as configured. Values are never told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PusherConfigError {
    /// These variables are not set, or empty.
    #[error("not set: {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// A variable that cannot be used.
    #[error("{name} cannot be used")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no certificate to trust, or one that cannot be read.
    #[error("TLS cannot be used")]
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
    /// Takes an id as it is.
    ///
    /// # Errors
    /// [`InvalidAppId`] when it is empty, too long, or holds another character.
    pub fn parse(id: impl AsRef<str>) -> Result<Self, InvalidAppId> {
        let id = id.as_ref();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        if (1..=MAX_ID_CHARS).contains(&id.len()) && id.bytes().all(allowed) {
            Ok(Self(id.to_owned()))
        } else {
            Err(InvalidAppId)
        }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PusherServer {
    /// Hosted Pusher, by the name of the app's cluster: spoken to by TLS only.
    ///
    /// # Errors
    /// [`InvalidServer`] for anything but 1 to 32 characters of `a-z 0-9 -`.
    pub fn cluster(name: impl AsRef<str>) -> Result<Self, InvalidServer> {
        let name = name.as_ref();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=32).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(Place::Cluster(name.to_owned())))
        } else {
            Err(InvalidServer)
        }
    }

    /// Another server, by its host's name or address.
    ///
    /// # Errors
    /// [`InvalidServer`] for what is neither.
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
        Ok(Self(Place::Host { host, port, tls }))
    }

    /// The base of the HTTP API's addresses.
    pub(super) fn api_url(&self) -> String {
        match &self.0 {
            Place::Cluster(name) => format!("https://api-{name}.pusher.com"),
            Place::Host {
                host,
                port,
                tls: Tls::On,
            } => format!("https://{host}:{port}"),
            Place::Host {
                host,
                port,
                tls: Tls::Off,
            } => format!("http://{host}:{port}"),
        }
    }
}

impl PusherConfig {
    /// An app, and where its server is.
    pub fn new(app_id: AppId, credentials: Credentials, server: PusherServer) -> Self {
        Self {
            app_id,
            credentials,
            server,
        }
    }

    /// What the environment says: `PUSHER_APP_ID`, `PUSHER_KEY`, `PUSHER_SECRET`, and `PUSHER_CLUSTER` for
    /// hosted Pusher; or `PUSHER_HOST` for another server, which goes before a cluster, with `PUSHER_PORT` (443;
    /// 80 without TLS) and `PUSHER_USE_TLS` (`true`).
    ///
    /// # Errors
    /// [`PusherConfigError`] names all variables that are missing, or the one that cannot be used.
    pub fn from_env() -> Result<Self, PusherConfigError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the host asks for its environment by this name"
        )]
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// The same, from wherever the host keeps its configuration. Values are read as the tools that write them write them:
    /// white space around a value and a pair of quotation marks are no part of it, a value of nothing else is none, and
    /// `PUSHER_USE_TLS` is `true`, `on`, `yes` or `1`, or `false`, `off`, `no` or `0`.
    ///
    /// # Errors
    /// As for [`from_env`](Self::from_env).
    pub fn from_lookup(value_of: impl Fn(&str) -> Option<String>) -> Result<Self, PusherConfigError> {
        let set = |name: &str| value_of(name).and_then(|value| cleaned(&value));
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
                let tls = match set(USE_TLS).map(|text| switch(&text)) {
                    None | Some(Some(true)) => Tls::On,
                    Some(Some(false)) => Tls::Off,
                    Some(None) => return Err(invalid(USE_TLS, "must be true or false")),
                };
                let usual = if tls == Tls::On { 443 } else { 80 };
                let port = set(PORT).map_or(Ok(usual), |port| port.parse::<u16>());
                let port = port.map_err(|why| invalid(PORT, why))?;
                if port == 0 {
                    return Err(invalid(PORT, "must be 1 to 65535"));
                }
                PusherServer::host(host, port, tls).map_err(|why| invalid(HOST, why))?
            }
            (None, cluster) => {
                PusherServer::cluster(cluster.unwrap_or_default()).map_err(|why| invalid(CLUSTER, why))?
            }
        };
        Ok(Self {
            app_id: AppId::parse(text(APP_ID)).map_err(|why| invalid(APP_ID, why))?,
            credentials: Credentials {
                key: AppKey::parse(text(KEY)).map_err(|why| invalid(KEY, why))?,
                secret: AppSecret::parse(text(SECRET)).map_err(|why| invalid(SECRET, why))?,
            },
            server,
        })
    }

    /// The key, by which clients name the app.
    pub fn key(&self) -> &AppKey {
        &self.credentials.key
    }

    /// The cluster, on hosted Pusher.
    pub fn cluster(&self) -> Option<&str> {
        match &self.server.0 {
            Place::Cluster(name) => Some(name),
            Place::Host { .. } => None,
        }
    }

    /// The host to which clients connect: `wsHost` of pusher-js.
    pub fn ws_host(&self) -> String {
        match &self.server.0 {
            Place::Cluster(name) => format!("ws-{name}.pusher.com"),
            Place::Host { host, .. } => host.clone(),
        }
    }

    /// The port to which clients connect: `wsPort` and `wssPort` of pusher-js.
    pub fn ws_port(&self) -> u16 {
        match &self.server.0 {
            Place::Cluster(_) => 443,
            Place::Host { port, .. } => *port,
        }
    }

    /// Whether clients connect by TLS: `forceTLS` of pusher-js.
    pub fn tls(&self) -> Tls {
        match &self.server.0 {
            Place::Cluster(_) => Tls::On,
            Place::Host { tls, .. } => *tls,
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
    fn a_cluster_is_reached_by_tls() {
        let config = with(&[]).unwrap();
        assert_eq!(config.server.api_url(), "https://api-eu.pusher.com");
        assert_eq!(
            (config.ws_host().as_str(), config.ws_port()),
            ("ws-eu.pusher.com", 443)
        );
        assert_eq!((config.tls(), config.cluster()), (Tls::On, Some("eu")));
    }

    #[test]
    fn a_host_goes_before_a_cluster() {
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
    fn everything_that_is_missing_is_named() {
        let error = configured(&[(APP_ID, ""), (SECRET, "hush-hush")])
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "not set: PUSHER_APP_ID, PUSHER_KEY, PUSHER_CLUSTER (or PUSHER_HOST)"
        );
    }

    #[test]
    fn values_are_read_as_tools_write_them() {
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
    fn what_cannot_be_used_is_named_and_not_shown() {
        let long = "hush".repeat(100);
        for (name, value) in [
            (APP_ID, "3/4"),
            (KEY, "a:b"),
            (SECRET, long.as_str()),
            (CLUSTER, "eu.evil.example/"),
        ] {
            let error = configured(&[&HOSTED[..], &[(name, value)]].concat()).unwrap_err();
            assert_eq!(error.to_string(), format!("{name} cannot be used"));
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
            assert_eq!(error.to_string(), format!("{name} cannot be used"));
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let config = with(&[]).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}
