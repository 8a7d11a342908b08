//! Opening the store's own connections.
//!
//! ```text
//! open ─┬─ transaction pooler configured ─> without settings ───────────────────────────> Shared
//!       └─ else: with the settings in the start-up message ─┬─ in force ────────────────> Set
//!                                                           └─ beside a host's pool, a pooler
//!                                                              refuses or ignores them: one warning > Shared
//! ```

use std::sync::{
    Once,
    atomic::{AtomicBool, Ordering},
};

use messaging_core::store::{StoreError, StoreErrorKind};
use sqlx::{ConnectOptions as _, Error, PgConnection, PgPool, postgres::PgConnectOptions};

use super::{PgOptions, Pooler, error::refuses_settings, settings::Settings, url::parse};

/// Which of the store's [`Settings`] a connection's session has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Session {
    /// All of them, from its start. The session belongs to this connection and keeps its prepared statements.
    Set,
    /// None: a pooler shares the session with other clients. Each transaction sets them for itself.
    Shared,
    /// The host's settings, left alone.
    OfHost,
}

/// Opens connections.
pub(super) struct Opener {
    to: ConnectTarget,
    settings: Settings,
    pooler: Pooler,
    /// Whether the newest connection accepted the settings.
    keeps_statements: AtomicBool,
    warning: Once,
}

/// The database that connections are opened to.
enum ConnectTarget {
    Url(Box<PgConnectOptions>),
    /// The database of a host's pool, by its options at the time of opening: the host may have set a new
    /// password.
    HostDatabase(PgPool),
}

impl Opener {
    /// Creates an opener of connections to a URL.
    ///
    /// # Errors
    /// [`Internal`](StoreErrorKind::Internal) when the text is not a PostgreSQL URL.
    pub(super) fn to_url(url: &str, options: &PgOptions) -> Result<Self, StoreError> {
        let connect = parse(url).map_err(|why| {
            StoreError::new(StoreErrorKind::Internal, "reading the database's URL").caused_by(why)
        })?;
        Ok(Self::new(ConnectTarget::Url(Box::new(connect)), options))
    }

    /// Creates an opener of connections to the database of a host's pool.
    pub(super) fn beside(pool: PgPool, options: &PgOptions) -> Self {
        Self::new(ConnectTarget::HostDatabase(pool), options)
    }

    fn new(to: ConnectTarget, options: &PgOptions) -> Self {
        Self {
            to,
            settings: Settings::new(options),
            pooler: options.pooler,
            keeps_statements: AtomicBool::new(false),
            warning: Once::new(),
        }
    }

    /// Whether connections are known to keep their prepared statements.
    pub(super) fn keeps_statements(&self) -> bool {
        self.keeps_statements.load(Ordering::Relaxed)
    }

    /// Opens a connection.
    pub(super) async fn open(&self) -> Result<(PgConnection, Session), Error> {
        let opened = match (&self.to, self.pooler) {
            (ConnectTarget::Url(options), Pooler::Session) => {
                let options = self.settings.of_session((**options).clone());
                (options.connect().await?, Session::Set)
            }
            // A transaction pooler refuses start-up parameters that it does not know.
            (ConnectTarget::Url(options), Pooler::Transaction) => {
                let options = (**options).clone().extra_float_digits(None);
                (options.connect().await?, Session::Shared)
            }
            (ConnectTarget::HostDatabase(pool), Pooler::Session) => {
                self.open_beside(&pool.connect_options()).await?
            }
            (ConnectTarget::HostDatabase(pool), Pooler::Transaction) => {
                (pool.connect_options().connect().await?, Session::Shared)
            }
        };
        self.keeps_statements
            .store(opened.1 == Session::Set, Ordering::Relaxed);
        Ok(opened)
    }

    /// Opens a connection with the host's options, and with the settings if the server or pooler accepts them.
    async fn open_beside(&self, options: &PgConnectOptions) -> Result<(PgConnection, Session), Error> {
        let connection = match self.settings.of_session(options.clone()).connect().await {
            Ok(mut connection) => {
                if self.settings.are_in_force(&mut connection).await? {
                    return Ok((connection, Session::Set));
                }
                connection
            }
            Err(error) if refuses_settings(&error) => options.connect().await?,
            Err(error) => return Err(error),
        };
        self.warning.call_once(|| {
            tracing::warn!(
                "the database's pooler does not accept the settings of a session; each step sets them in a transaction \
                 of its own, at four round trips instead of one"
            );
        });
        Ok((connection, Session::Shared))
    }
}

#[cfg(test)]
mod tests {
    use messaging_test_postgres::{PgBouncer, PgServer, Schema};
    use sqlx::postgres::PgPoolOptions;
    use tracing::subscriber::set_default;

    use super::{
        super::{log::Log, settings::PLANNING},
        *,
    };

    const SETTINGS: [(&str, &str); 4] = [
        PLANNING[0],
        PLANNING[1],
        ("statement_timeout", "5s"),
        ("lock_timeout", "1s"),
    ];

    fn pool(url: &str) -> PgPool {
        PgPoolOptions::new().connect_lazy(url).unwrap()
    }

    async fn shown(connection: &mut PgConnection, name: &str) -> String {
        let show = sqlx::query_scalar("SELECT current_setting($1)").bind(name);
        show.persistent(false).fetch_one(connection).await.unwrap()
    }

    #[tokio::test]
    async fn own_sessions_have_the_settings_of_the_store() {
        let schema = Schema::fresh();
        let options = PgOptions::default();
        let to_url = Opener::to_url(schema.url(), &options).unwrap();
        for opener in [to_url, Opener::beside(pool(schema.url()), &options)] {
            assert!(!opener.keeps_statements(), "the pooler is not detected yet");
            let (mut connection, session) = opener.open().await.unwrap();
            assert_eq!(session, Session::Set);
            assert!(opener.keeps_statements());
            // The last setting has the server's default value.
            for (name, value) in SETTINGS.into_iter().chain([("enable_seqscan", "on")]) {
                assert_eq!(shown(&mut connection, name).await, value, "{name}");
            }
        }
    }

    #[tokio::test]
    async fn the_settings_override_the_hosts_and_keep_its_others() {
        let schema = Schema::fresh();
        let host: PgConnectOptions = schema.url().parse().unwrap();
        let host = host.application_name("the host").options([
            ("statement_timeout", "9"),
            ("jit", "on"),
            ("work_mem", "1MB"),
        ]);
        let opener = Opener::beside(PgPool::connect_lazy_with(host), &PgOptions::default());
        let (mut connection, _) = opener.open().await.unwrap();
        let others = [("application_name", "the host"), ("work_mem", "1MB")];
        for (name, value) in SETTINGS.into_iter().chain(others) {
            assert_eq!(shown(&mut connection, name).await, value, "{name}");
        }
    }

    /// Opens a session through `PgBouncer` beside a host's pool, twice; returns its kind and the log.
    async fn opened_through_a_pooler(options: &PgOptions, ignored: &str) -> (Session, Log) {
        let schema = Schema::fresh();
        let direct: PgConnectOptions = schema.url().parse().unwrap();
        let settings = [("ignore_startup_parameters", ignored)];
        let database = direct.get_database().unwrap();
        let pooler = PgBouncer::start_with(PgServer::shared(), database, &settings);
        let opener = Opener::beside(pool(&pooler.url()), options);
        let log = Log::default();
        let _guard = set_default(log.clone());
        let (_, first) = opener.open().await.unwrap();
        let (_, second) = opener.open().await.unwrap();
        assert_eq!(first, second);
        assert_eq!(opener.keeps_statements(), first == Session::Set);
        (first, log)
    }

    fn warnings(log: &Log) -> usize {
        log.text().matches("does not accept the settings").count()
    }

    #[tokio::test]
    async fn a_pooler_that_ignores_the_settings_is_warned_about_once() {
        if PgBouncer::is_installed_for("a pooler without settings") {
            for ignored in ["extra_float_digits", "extra_float_digits, options"] {
                let (session, log) = opened_through_a_pooler(&PgOptions::default(), ignored).await;
                assert_eq!(session, Session::Shared, "{ignored}");
                assert_eq!(warnings(&log), 1, "{ignored}: {}", log.text());
            }
        }
    }

    #[tokio::test]
    async fn a_declared_pooler_causes_no_warning() {
        if PgBouncer::is_installed_for("a declared pooler") {
            let options = PgOptions::default().with_pooler(Pooler::Transaction);
            let (session, log) = opened_through_a_pooler(&options, "extra_float_digits").await;
            assert_eq!((session, warnings(&log)), (Session::Shared, 0));
        }
    }

    #[tokio::test]
    async fn a_refusal_of_more_than_the_settings_is_an_error() {
        if PgBouncer::is_installed_for("a pooler that refuses all settings") {
            // `extra_float_digits`, which the host's own connections send.
            let pooler = PgBouncer::start_with(
                PgServer::shared(),
                "postgres",
                &[("ignore_startup_parameters", "")],
            );
            let opener = Opener::beside(pool(&pooler.url()), &PgOptions::default());
            let log = Log::default();
            let _guard = set_default(log.clone());
            assert!(opener.open().await.is_err());
            assert_eq!(warnings(&log), 0);
        }
    }
}
