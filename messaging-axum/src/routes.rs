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

/// The routes, by audience. Paths are relative to the host's mount point.
#[must_use = "routes do nothing until they are mounted"]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Routes<S> {
    /// For clients and agents; admins may list and read here too. Behind the host's login.
    pub participants: Router<S>,
    /// For admins only. Behind the host's login.
    pub admin: Router<S>,
    /// For the realtime server, authenticated by its signature. Outside the host's login.
    pub webhooks: Router<S>,
    /// The OpenAPI document of these routes. Public.
    pub document: Router<S>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// All routes in one router, for a host with the same middleware for all. The host's login must pass
    /// unauthenticated requests on, otherwise webhooks are refused.
    pub fn all(self) -> Router<S> {
        self.participants
            .merge(self.admin)
            .merge(self.webhooks)
            .merge(self.document)
    }
}

/// Creates the routes, for a host whose state contains a [`Messaging`].
///
/// The routes read an [`Actor`](messaging_core::Actor) from the request's extensions and respond with 401 without one.
/// They respond with 405 to unsupported methods; all other paths belong to the host.
///
/// # Cookie logins
///
/// Browsers send cookies with requests from any site, so a host with a cookie login must refuse cross-site requests.
/// `tower_http`'s `CsrfLayer` does so for methods with side effects, but passes GET and HEAD; here, reading marks
/// messages as read and writes audit records. So the host also refuses cross-site GET and HEAD requests with the
/// cookie, unless their `Origin` is trusted (an application and its API on two origins):
///
/// ```
/// use axum::{extract::Request, http::{Method, StatusCode}, middleware::{Next, from_fn}, response::{IntoResponse, Response}};
/// use messaging_axum::HttpOptions;
/// use tower_http::csrf::CsrfLayer;
///
/// fn is_cross_site_read(request: &Request) -> bool {
///     let header = |name: &str| request.headers().get(name).map(|value| value.as_bytes());
///     let is_trusted = header("origin").is_some_and(|origin| origin == b"https://app.example");
///     matches!(*request.method(), Method::GET | Method::HEAD)
///         && matches!(header("sec-fetch-site"), Some(b"cross-site" | b"same-site"))
///         && header("cookie").is_some()
///         && !is_trusted
/// }
///
/// async fn refuse_cross_site_reads(request: Request, next: Next) -> Response {
///     if is_cross_site_read(&request) {
///         return StatusCode::FORBIDDEN.into_response();
///     }
///     next.run(request).await
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let routes = messaging_axum::routes::<messaging_core::Messaging>(HttpOptions::default());
/// let behind_login = routes.participants.merge(routes.admin)
///     .layer(from_fn(refuse_cross_site_reads))
///     .layer(CsrfLayer::new().add_trusted_origin("https://app.example")?);
/// # let _ = behind_login; Ok(()) }
/// ```
///
/// A host that authenticates by a header needs neither: other sites cannot set it.
///
/// # Slow clients
///
/// A body is received before its handler runs, within [`body_limit`](HttpOptions::body_limit) and
/// [`body_timeout`](HttpOptions::body_timeout); a timeout of the host around the routes covers that too. Time limits
/// for request heads and for clients that do not read responses, and the number of connections, are up to the host's
/// server: `examples/server` in the repository has all three.
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
        participants: router(
            table.participants,
            &middleware,
            middleware::BodyAccess::Authenticated,
        ),
        admin: router(table.admin, &middleware, middleware::BodyAccess::Authenticated),
        webhooks: router(table.webhooks, &middleware, middleware::BodyAccess::Public),
        document: served.map_or_else(Router::new, |served| {
            router(table.document, &middleware, middleware::BodyAccess::Authenticated)
                .layer(Extension(served))
        }),
    }
}

/// Returns the OpenAPI 3.1 document of [`routes()`], with paths relative to the mount point. Use it to merge it into
/// the host's document, to generate clients, or to test access on every route.
pub fn openapi(options: &HttpOptions) -> OpenApi {
    table::<Messaging>(options).describe(options)
}

/// The routes with their descriptions, by audience; one entry for each path.
struct RouteTable<S> {
    participants: Vec<UtoipaMethodRouter<S>>,
    admin: Vec<UtoipaMethodRouter<S>>,
    webhooks: Vec<UtoipaMethodRouter<S>>,
    document: Vec<UtoipaMethodRouter<S>>,
}

impl<S> RouteTable<S> {
    fn describe(&self, options: &HttpOptions) -> OpenApi {
        let rows = [&self.participants, &self.admin, &self.webhooks, &self.document];
        let rows = rows.into_iter().flatten();
        let described = rows.map(|(schemas, paths, _)| (schemas.clone(), paths.clone()));
        contract::document(described, options.login)
    }
}

fn table<S>(options: &HttpOptions) -> RouteTable<S>
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
    RouteTable {
        participants,
        admin,
        webhooks: vec![routes!(webhooks::receive)],
        document,
    }
}

fn router<S>(
    rows: Vec<UtoipaMethodRouter<S>>,
    middleware: &Middleware,
    access: middleware::BodyAccess,
) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    rows.into_iter()
        .fold(Router::new(), |router, (_, paths, methods)| {
            paths.paths.keys().fold(router, |router, path| {
                router.route(path, middleware.apply(methods.clone(), access))
            })
        })
}
