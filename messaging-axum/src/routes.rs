use axum::{Extension, Router, extract::FromRef};
use messaging_core::Messaging;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::UtoipaMethodRouter, routes};

use crate::{
    contract,
    middleware::{self, Middleware},
    options::HttpOptions,
    route::{
        activity, audit, channel_auth, conversation, conversations,
        document::{self, Document},
        history, push_token, reading, reports, send, typing, user_auth, webhooks,
    },
};

/// The routes, by audience. Paths are relative to where the host mounts them.
#[must_use = "routes do nothing until they are mounted"]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Routes<S> {
    /// For clients and agents; an admin may list and read here too. Behind the host's login.
    pub participants: Router<S>,
    /// For admins only. Behind the host's login.
    pub admin: Router<S>,
    /// For the realtime server, whose signature is checked. Outside the host's login.
    pub webhooks: Router<S>,
    /// The OpenAPI document of all of these: for anyone.
    pub document: Router<S>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// All of them in one router, for a host that puts the same around all: its login must let those pass whom
    /// it does not know, or webhooks are refused.
    pub fn all(self) -> Router<S> {
        self.participants
            .merge(self.admin)
            .merge(self.webhooks)
            .merge(self.document)
    }
}

/// The routes, for a host whose state holds a [`Messaging`].
///
/// They expect an [`Actor`](messaging_core::Actor) among the request's extensions and answer 401 without
/// one. They answer a method that they do not know with 405; every path that is not theirs is the host's.
///
/// # Logins by cookie
///
/// A browser sends a cookie along whichever site asks, so a host whose login is a cookie refuses what other sites ask
/// for. `tower_http`'s `CsrfLayer` does so for what changes something, but lets GET and HEAD pass, and here reading marks
/// as read and writes audit lines. So a GET or HEAD that carries the cookie and comes from another site is refused
/// beside the layer, unless its `Origin` is one that the layer trusts (an application and its API on two origins):
///
/// ```
/// use axum::{extract::Request, http::{Method, StatusCode}, middleware::{Next, from_fn}, response::{IntoResponse, Response}};
/// use messaging_axum::HttpOptions;
/// use tower_http::csrf::CsrfLayer;
///
/// fn is_read_from_elsewhere(request: &Request) -> bool {
///     let header = |name: &str| request.headers().get(name).map(|value| value.as_bytes());
///     let is_trusted = header("origin").is_some_and(|origin| origin == b"https://app.example");
///     matches!(*request.method(), Method::GET | Method::HEAD)
///         && matches!(header("sec-fetch-site"), Some(b"cross-site" | b"same-site"))
///         && header("cookie").is_some()
///         && !is_trusted
/// }
///
/// async fn refuse_reads_from_elsewhere(request: Request, next: Next) -> Response {
///     if is_read_from_elsewhere(&request) {
///         return StatusCode::FORBIDDEN.into_response();
///     }
///     next.run(request).await
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let routes = messaging_axum::routes::<messaging_core::Messaging>(HttpOptions::default());
/// let of_people = routes.participants.merge(routes.admin)
///     .layer(from_fn(refuse_reads_from_elsewhere))
///     .layer(CsrfLayer::new().add_trusted_origin("https://app.example")?);
/// # let _ = of_people; Ok(()) }
/// ```
///
/// A host whose callers are named by a header, which no other site may set, needs neither.
///
/// # Slow clients
///
/// A body is read before a request is carried out, within [`body_limit`](HttpOptions::body_limit) and
/// [`body_timeout`](HttpOptions::body_timeout); a time-out of the host's around the routes ends that too. How long the
/// head of a request may take, how long an answer may wait to be read, and how many connections there may be is up to
/// the host's server: that of the repository's `examples/server` has all three.
pub fn routes<S>(options: HttpOptions) -> Routes<S>
where
    S: Clone + Send + Sync + 'static,
    Messaging: FromRef<S>,
{
    let middleware = Middleware::new(&options);
    let table = table(&options);
    let served = options
        .document
        .then(|| Document::from(&table.describe(&options)));
    Routes {
        participants: router(table.participants, &middleware, middleware::BodyFrom::Callers),
        admin: router(table.admin, &middleware, middleware::BodyFrom::Callers),
        webhooks: router(table.webhooks, &middleware, middleware::BodyFrom::Anyone),
        document: served.map_or_else(Router::new, |served| {
            router(table.document, &middleware, middleware::BodyFrom::Callers).layer(Extension(served))
        }),
    }
}

/// The OpenAPI 3.1 document of what [`routes()`] answers, relative to where it is mounted: for a host that merges it
/// into its own, makes clients of it, or tests who may do what on every route.
pub fn openapi(options: &HttpOptions) -> OpenApi {
    table::<Messaging>(options).describe(options)
}

/// What is answered where, by audience: a row is a path, with what it says of itself.
struct Table<S> {
    participants: Vec<UtoipaMethodRouter<S>>,
    admin: Vec<UtoipaMethodRouter<S>>,
    webhooks: Vec<UtoipaMethodRouter<S>>,
    document: Vec<UtoipaMethodRouter<S>>,
}

impl<S> Table<S> {
    fn describe(&self, options: &HttpOptions) -> OpenApi {
        let rows = [&self.participants, &self.admin, &self.webhooks, &self.document];
        let rows = rows.into_iter().flatten();
        let described = rows.map(|(schemas, paths, _)| (schemas.clone(), paths.clone()));
        contract::document(described, options.login)
    }
}

fn table<S>(options: &HttpOptions) -> Table<S>
where
    S: Clone + Send + Sync + 'static,
    Messaging: FromRef<S>,
{
    let mut participants = vec![
        routes!(history::read, send::send),
        routes!(conversations::list, conversations::open),
        routes!(conversation::find),
        routes!(conversation::block, conversation::unblock),
        routes!(reports::report),
        routes!(reading::count_unread),
        routes!(reading::mark_read),
        routes!(channel_auth::authorize),
        routes!(user_auth::sign_in),
    ];
    if options.push {
        participants.push(routes!(push_token::token));
    }
    if options.typing {
        participants.push(routes!(typing::set_typing));
    }
    let admin = vec![
        routes!(conversation::close, conversation::reopen),
        routes!(activity::count),
        routes!(audit::list),
        routes!(reports::list),
        routes!(reports::find),
        routes!(reports::resolve),
        routes!(reports::dismiss),
    ];
    let mut document = Vec::new();
    if options.document {
        document.push(routes!(document::show));
    }
    Table {
        participants,
        admin,
        webhooks: vec![routes!(webhooks::receive)],
        document,
    }
}

fn router<S>(
    rows: Vec<UtoipaMethodRouter<S>>,
    middleware: &Middleware,
    bodies: middleware::BodyFrom,
) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    rows.into_iter()
        .fold(Router::new(), |router, (_, paths, methods)| {
            paths.paths.keys().fold(router, |router, path| {
                router.route(path, middleware.apply(methods.clone(), bodies))
            })
        })
}
