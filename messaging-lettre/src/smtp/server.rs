use std::fmt;

use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, TlsParameters},
    extension::ClientId,
};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{SmtpConfigError, answer::Stage};

/// A mail server, and who we are to it.
pub(super) struct Server {
    host: String,
    port: u16,
    security: Security,
    hello: ClientId,
    credentials: Option<Credentials>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    None,
    /// STARTTLS where the server offers it.
    Opportunistic,
    /// STARTTLS, and nothing without it.
    Required,
    /// TLS from the beginning.
    Wrapped,
}

impl Server {
    /// Of a URL of `smtp` or `smtps`.
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
        let hello = match url.path().trim_matches('/') {
            "" => ClientId::default(),
            name => ClientId::Domain(name.to_owned()),
        };
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(port),
            security,
            hello,
            credentials,
        })
    }

    /// A connection on which e-mails may be sent.
    pub(super) async fn connect(&self, stage: &mut Stage) -> Result<AsyncSmtpConnection, Error> {
        *stage = Stage::Connect;
        let tls = || TlsParameters::new(self.host.clone());
        let wrapped = (self.security == Security::Wrapped).then(tls).transpose()?;
        let address = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, wrapped, None).await?;
        let upgrades = match self.security {
            Security::None | Security::Wrapped => false,
            Security::Opportunistic => connection.can_starttls(),
            Security::Required => true,
        };
        if upgrades {
            connection.starttls(tls()?, &self.hello).await?;
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
    fn a_url_says_where_the_server_is_and_how_it_is_secured() {
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
    fn a_name_for_the_greeting_is_the_path() {
        let server = Server::parse("smtp://mail.example/tours.example").unwrap();
        assert_eq!(server.hello, ClientId::Domain("tours.example".to_owned()));
    }

    #[test]
    fn what_is_special_in_a_password_is_decoded() {
        let server = Server::parse("smtps://a%40b:p%2Fw%20d@mail.example").unwrap();
        let expected = Credentials::new("a@b".to_owned(), "p/w d".to_owned());
        assert!(server.credentials == Some(expected));
        assert!(
            !format!("{:?}", Server::parse("smtps://user:secret@mail.example").unwrap()).contains("secret")
        );
    }
}
