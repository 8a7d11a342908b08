use std::fmt;

use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, TlsParameters},
    extension::ClientId,
};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{SmtpConfigError, reply::Stage};

/// A mail server, with credentials and client name.
pub(super) struct Server {
    host: String,
    port: u16,
    security: Security,
    client_id: ClientId,
    credentials: Option<Credentials>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    None,
    /// STARTTLS if the server offers it.
    Opportunistic,
    /// STARTTLS, or no connection.
    Required,
    /// TLS from the start of the connection.
    Wrapped,
}

impl Server {
    /// Parses an `smtp` or `smtps` URL.
    pub(super) fn parse(url: &str) -> Result<Self, SmtpConfigError> {
        let url = Url::parse(url).map_err(|_| SmtpConfigError)?;
        let tls = url
            .query_pairs()
            .find(|(name, _)| name == "tls")
            .map(|(_, value)| value);
        let (security, port) = match (url.scheme(), tls.as_deref()) {
            ("smtp", None) => (Security::None, 25),
            ("smtp", Some("opportunistic")) => (Security::Opportunistic, 587),
            ("smtp", Some("required")) => (Security::Required, 587),
            ("smtps", None | Some("required")) => (Security::Wrapped, 465),
            _ => return Err(SmtpConfigError),
        };
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or(SmtpConfigError)?;
        let decoded = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8();
            decoded.map(String::from).map_err(|_| SmtpConfigError)
        };
        let credentials = match url.password() {
            Some(password) => Some(Credentials::new(decoded(url.username())?, decoded(password)?)),
            None => None,
        };
        let client_id = match url.path().trim_matches('/') {
            "" => ClientId::default(),
            name => ClientId::Domain(name.to_owned()),
        };
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(port),
            security,
            client_id,
            credentials,
        })
    }

    /// Opens a connection, with TLS and authentication as configured.
    pub(super) async fn connect(&self, stage: &mut Stage) -> Result<AsyncSmtpConnection, Error> {
        *stage = Stage::Connect;
        let tls = || TlsParameters::new(self.host.clone());
        let wrapped = (self.security == Security::Wrapped).then(tls).transpose()?;
        let address = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, None, &self.client_id, wrapped, None).await?;
        let uses_starttls = match self.security {
            Security::None | Security::Wrapped => false,
            Security::Opportunistic => connection.can_starttls(),
            Security::Required => true,
        };
        if uses_starttls {
            connection.starttls(tls()?, &self.client_id).await?;
        }
        if let Some(credentials) = &self.credentials {
            *stage = Stage::Authentication;
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_the_address_and_the_tls_mode() {
        for (url, host, port, security) in [
            ("smtp://localhost", "localhost", 25, Security::None),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, Security::None),
            (
                "smtp://mail.example?tls=required",
                "mail.example",
                587,
                Security::Required,
            ),
            (
                "smtp://mail.example?tls=opportunistic",
                "mail.example",
                587,
                Security::Opportunistic,
            ),
            ("smtps://mail.example", "mail.example", 465, Security::Wrapped),
            (
                "smtps://mail.example:4465/tours.example",
                "mail.example",
                4465,
                Security::Wrapped,
            ),
        ] {
            let server = Server::parse(url).unwrap();
            assert_eq!(
                (server.host.as_str(), server.port, server.security),
                (host, port, security),
                "{url}"
            );
        }
    }

    #[test]
    fn the_path_is_the_client_name() {
        let server = Server::parse("smtp://mail.example/tours.example").unwrap();
        assert_eq!(server.client_id, ClientId::Domain("tours.example".to_owned()));
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let server = Server::parse("smtps://a%40b:p%2Fw%20d@mail.example").unwrap();
        let expected = Credentials::new("a@b".to_owned(), "p/w d".to_owned());
        assert!(server.credentials == Some(expected));
        assert!(
            !format!("{:?}", Server::parse("smtps://user:secret@mail.example").unwrap()).contains("secret")
        );
    }
}
