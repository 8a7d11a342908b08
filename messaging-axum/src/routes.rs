use std::collections::BTreeMap;

use axum::{Extension, Router, routing::MethodRouter};
use messaging_core::{Messaging, store::Capabilities};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::UtoipaMethodRouter, routes};

use crate::{
    contract,
    middleware::{BodyAccess, Middleware},
    options::HttpOptions,
    route::{
        Route, activity, audit, channel_auth, conversation, conversations,
        document::{self, Document},
        history, push_token, reading, reports, send, typing, user_auth, webhooks,
    },
};

/// The routes, by audience. Paths are relative to the host's mount point. A router without routes is empty, so layers are
/// added with `layer`: `route_layer` panics on an empty router.
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

/// Creates the routes, for a host with any state.
///
/// A route is mounted unless it is [left out](HttpOptions::without), the store lacks a
/// [capability that it requires](Route::required_capabilities), or, for push tokens,
/// [push](messaging_core::MessagingBuilder::push) is not configured.
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
/// # fn app(messaging: &messaging_core::Messaging) -> Result<axum::Router, Box<dyn std::error::Error>> {
/// let routes = messaging_axum::routes(messaging, HttpOptions::default());
/// let behind_login = routes.participants.merge(routes.admin)
///     .layer(from_fn(refuse_cross_site_reads))
///     .layer(CsrfLayer::new().add_trusted_origin("https://app.example")?);
/// # Ok(behind_login) }
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
pub fn routes<S>(messaging: &Messaging, options: HttpOptions) -> Routes<S>
where
    S: Clone + Send + Sync + 'static,
{
    let options = if messaging.has_push() {
        options
    } else {
        options.without(Route::PushToken)
    };
    let middleware = Middleware::new(&options);
    let table = table(&messaging.capabilities(), &options);
    let document = Document::from(&table.describe(&options));
    let mount = |rows, access| router(rows, &middleware, access).with_state(messaging.clone());
    Routes {
        participants: mount(table.participants, BodyAccess::Authenticated),
        admin: mount(table.admin, BodyAccess::Authenticated),
        webhooks: mount(table.webhooks, BodyAccess::Public),
        document: mount(table.document, BodyAccess::Authenticated).layer(Extension(document)),
    }
}

/// Returns the OpenAPI 3.1 document of [`routes()`] on a store with these
/// [capabilities](Messaging::capabilities), with paths relative to the mount point. Use it to merge it into the host's
/// document, to generate clients, or to test access on every route.
///
/// It describes the route for push tokens where the store can keep track of pushes. A host that configures no push
/// leaves the route out with [`without`](HttpOptions::without); the document that the routes serve does so by itself.
pub fn openapi(capabilities: &Capabilities, options: &HttpOptions) -> OpenApi {
    table(capabilities, options).describe(options)
}

/// The routes with their descriptions, by audience; one row for each route.
struct RouteTable {
    participants: Vec<Row>,
    admin: Vec<Row>,
    webhooks: Vec<Row>,
    document: Vec<Row>,
}

type Row = UtoipaMethodRouter<Messaging>;

impl RouteTable {
    fn describe(&self, options: &HttpOptions) -> OpenApi {
        let rows = [&self.participants, &self.admin, &self.webhooks, &self.document];
        let rows = rows.into_iter().flatten();
        let described = rows.map(|(schemas, paths, _)| (schemas.clone(), paths.clone()));
        contract::document(described, options.login)
    }
}

fn table(capabilities: &Capabilities, options: &HttpOptions) -> RouteTable {
    let participants = vec![
        (Route::ReadHistory, routes!(history::read)),
        (Route::SendMessage, routes!(send::send)),
        (Route::ListConversations, routes!(conversations::list)),
        (Route::OpenConversation, routes!(conversations::open)),
        (Route::FindConversation, routes!(conversation::find)),
        (Route::Block, routes!(conversation::block)),
        (Route::Unblock, routes!(conversation::unblock)),
        (Route::Report, routes!(reports::report)),
        (Route::CountUnread, routes!(reading::count_unread)),
        (Route::MarkRead, routes!(reading::mark_read)),
        (Route::AuthorizeChannel, routes!(channel_auth::authorize)),
        (Route::AuthenticateUser, routes!(user_auth::sign_in)),
        (Route::PushToken, routes!(push_token::token)),
        (Route::SetTyping, routes!(typing::set_typing)),
    ];
    let admin = vec![
        (Route::Close, routes!(conversation::close)),
        (Route::Reopen, routes!(conversation::reopen)),
        (Route::CountActivity, routes!(activity::count)),
        (Route::ReadAudit, routes!(audit::list)),
        (Route::ListReports, routes!(reports::list)),
        (Route::FindReport, routes!(reports::find)),
        (Route::ResolveReport, routes!(reports::resolve)),
        (Route::DismissReport, routes!(reports::dismiss)),
    ];
    let webhooks = vec![(Route::ReceiveWebhook, routes!(webhooks::receive))];
    let document = vec![(Route::Document, routes!(document::show))];
    let is_mounted = |route: Route| {
        let mut required = route.required_capabilities().iter();
        options.includes(route) && required.all(|it| capabilities.contains(*it))
    };
    let mounted = |rows: Vec<(Route, Row)>| {
        let rows = rows.into_iter().filter(|(route, _)| is_mounted(*route));
        rows.map(|(_, row)| row).collect()
    };
    RouteTable {
        participants: mounted(participants),
        admin: mounted(admin),
        webhooks: mounted(webhooks),
        document: mounted(document),
    }
}

/// Mounts the rows: the methods of a path first become one method router, with one fallback and one set of layers.
fn router(rows: Vec<Row>, middleware: &Middleware, access: BodyAccess) -> Router<Messaging> {
    let mut paths = BTreeMap::<String, MethodRouter<Messaging>>::new();
    for (_, described, methods) in rows {
        for path in described.paths.into_keys() {
            let known = paths.remove(&path).unwrap_or_default();
            paths.insert(path, known.merge(methods.clone()));
        }
    }
    paths.into_iter().fold(Router::new(), |router, (path, methods)| {
        router.route(&path, middleware.apply(methods, access))
    })
}
