use axum::{Extension, Router, extract::FromRef};
use messaging_core::Messaging;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::UtoipaMethodRouter, routes};

use crate::{
    around::{self, Around},
    contract,
    options::HttpOptions,
    route::{
        activity, audit, channel_auth, conversation, conversations,
        document::{self, Document},
        history, push_token, reading, reports, send, typing, webhooks,
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
pub fn routes<S>(options: HttpOptions) -> Routes<S>
where
    S: Clone + Send + Sync + 'static,
    Messaging: FromRef<S>,
{
    let around = Around::new(&options);
    let table = table(&options);
    let served = options
        .document
        .then(|| Document::from(&table.describe(&options)));
    Routes {
        participants: router(table.participants, &around, around::BodyFrom::Callers),
        admin: router(table.admin, &around, around::BodyFrom::Callers),
        webhooks: router(table.webhooks, &around, around::BodyFrom::Anyone),
        document: served.map_or_else(Router::new, |served| {
            router(table.document, &around, around::BodyFrom::Callers).layer(Extension(served))
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

fn router<S>(rows: Vec<UtoipaMethodRouter<S>>, around: &Around, bodies: around::BodyFrom) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    rows.into_iter()
        .fold(Router::new(), |router, (_, paths, methods)| {
            paths.paths.keys().fold(router, |router, path| {
                router.route(path, around.put_around(methods.clone(), bodies))
            })
        })
}
