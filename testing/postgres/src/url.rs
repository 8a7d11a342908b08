/// The address and credentials of a server: a `postgres://` URL without a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    /// `user` or `user:password`, encoded as in the URL.
    user: String,
    host: String,
    port: u16,
    /// The parameters, beginning with `?`.
    parameters: String,
    database: String,
}

const SUPERUSER: &str = "postgres";

impl ServerUrl {
    /// A server on this machine that trusts every user.
    pub(crate) fn local(port: u16) -> Self {
        Self {
            user: SUPERUSER.to_owned(),
            host: "127.0.0.1".to_owned(),
            port,
            parameters: String::new(),
            database: SUPERUSER.to_owned(),
        }
    }

    /// Parses `postgres://user:password@host:port/database?parameters`; everything except the host is
    /// optional.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))?;
        let (rest, parameters) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, address) = authority.rsplit_once('@').unwrap_or((SUPERUSER, authority));
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (address, 5432),
        };
        let or_superuser = |name: &str| if name.is_empty() { SUPERUSER } else { name }.to_owned();
        (!host.is_empty()).then(|| Self {
            user: or_superuser(user),
            host: host.to_owned(),
            port,
            parameters: parameters.to_owned(),
            database: or_superuser(database),
        })
    }

    /// The same server, through another port of this machine.
    pub(crate) fn through(&self, port: u16) -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port,
            ..self.clone()
        }
    }

    /// Returns the URL of a database.
    pub(crate) fn of(&self, database: &str) -> String {
        let Self {
            user,
            host,
            port,
            parameters,
            ..
        } = self;
        format!("postgres://{user}@{host}:{port}/{database}{parameters}")
    }

    /// Returns the URL of the database that existed before the tests.
    pub(crate) fn of_admin(&self) -> String {
        self.of(&self.database)
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the user and password; `None` if the URL contains none.
    pub(crate) fn credentials(&self) -> (String, Option<String>) {
        match self.user.split_once(':') {
            Some((user, password)) => (decode(user), Some(decode(password))),
            None => (decode(&self.user), None),
        }
    }
}

/// Decodes the `%xx` of a part of a URL.
fn decode(part: &str) -> String {
    let mut pieces = part.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        if let Some(Ok(byte)) = piece.get(..2).map(|digits| u8::from_str_radix(digits, 16)) {
            bytes.push(byte);
            bytes.extend(&piece.as_bytes()[2..]);
        } else {
            bytes.push(b'%');
            bytes.extend(piece.as_bytes());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_changes_only_its_database() {
        let check = |url: &str, of_admin: &str, of_other: &str| {
            let parsed = ServerUrl::parse(url).unwrap();
            assert_eq!(parsed.of_admin(), of_admin);
            assert_eq!(parsed.of("other"), of_other);
        };
        check(
            "postgres://ada:se%40cret@db.example:6543/app?sslmode=disable",
            "postgres://ada:se%40cret@db.example:6543/app?sslmode=disable",
            "postgres://ada:se%40cret@db.example:6543/other?sslmode=disable",
        );
        check(
            "postgresql://localhost",
            "postgres://postgres@localhost:5432/postgres",
            "postgres://postgres@localhost:5432/other",
        );
        check(
            "postgres://ada@[::1]/?a=b",
            "postgres://ada@[::1]:5432/postgres?a=b",
            "postgres://ada@[::1]:5432/other?a=b",
        );
    }

    #[test]
    fn credentials_are_decoded() {
        let url = ServerUrl::parse("postgres://a%20b:50%25%c3%A4%zz:c@host/").unwrap();
        let credentials = ("a b".to_owned(), Some("50%ä%zz:c".to_owned()));
        assert_eq!(url.credentials(), credentials);
    }

    #[test]
    fn an_invalid_server_url_is_refused() {
        for url in [
            "",
            "mysql://localhost/app",
            "postgres://",
            "postgres://host:port/app",
        ] {
            assert_eq!(ServerUrl::parse(url), None, "{url}");
        }
    }

    #[test]
    fn a_local_server_trusts_all_users() {
        let local = ServerUrl::local(15_432);
        assert_eq!(local.of_admin(), "postgres://postgres@127.0.0.1:15432/postgres");
        assert_eq!(local.credentials(), ("postgres".to_owned(), None));
        assert_eq!(ServerUrl::parse(&local.of_admin()), Some(local));
    }
}
