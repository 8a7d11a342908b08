use axum::{
    Router,
    extract::FromRef,
    routing::{MethodRouter, get, post, put},
};
use messaging_core::Messaging;

use crate::{
    around::Around,
    options::HttpOptions,
    route::{
        activity, audit, channel_auth, conversation, conversations, history, push_token, reading, reports,
        send, typing, webhooks,
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
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// All of them in one router, for a host that puts the same around all: its login must let those pass whom
    /// it does not know, or webhooks are refused.
    pub fn all(self) -> Router<S> {
        self.participants.merge(self.admin).merge(self.webhooks)
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
    let [participants, admin, webhooks] = table(&options).map(|routes| router(routes, &around));
    Routes {
        participants,
        admin,
        webhooks,
    }
}

/// The paths that [`routes`] answers, relative to where they are mounted: for a host that tests who may do what, as
/// [its own routes](https://docs.rs/axum/latest/axum/struct.Router.html#method.route) name them.
pub fn paths(options: &HttpOptions) -> Vec<&'static str> {
    let routes = table::<Messaging>(options).into_iter().flatten();
    routes.map(|(path, _)| path).collect()
}

/// What is answered where, by audience.
type Table<S> = Vec<(&'static str, MethodRouter<S>)>;

fn table<S>(options: &HttpOptions) -> [Table<S>; 3]
where
    S: Clone + Send + Sync + 'static,
    Messaging: FromRef<S>,
{
    let mut participants = vec![
        ("/messages", get(history::read).post(send::send)),
        (
            "/messages/conversations",
            get(conversations::list).post(conversations::open),
        ),
        ("/messages/conversations/{id}", get(conversation::find)),
        (
            "/messages/conversations/{id}/block",
            put(conversation::block).delete(conversation::unblock),
        ),
        ("/messages/conversations/{id}/reports", post(reports::report)),
        ("/messages/unread", get(reading::count_unread)),
        ("/messages/read", post(reading::mark_read)),
        ("/pusher/auth", post(channel_auth::authorize)),
    ];
    if options.push {
        participants.push(("/pusher/beams-auth", get(push_token::token)));
    }
    if options.typing {
        participants.push(("/messages/typing", post(typing::set_typing)));
    }
    let admin = vec![
        (
            "/messages/admin/conversations/{id}/close",
            put(conversation::close).delete(conversation::reopen),
        ),
        ("/messages/admin/activity", get(activity::count)),
        ("/messages/admin/audit", get(audit::list)),
        ("/messages/admin/reports", get(reports::list)),
        ("/messages/admin/reports/{id}", get(reports::find)),
        ("/messages/admin/reports/{id}/resolve", post(reports::resolve)),
        ("/messages/admin/reports/{id}/dismiss", post(reports::dismiss)),
    ];
    let webhooks = vec![("/pusher/webhooks", post(webhooks::receive))];
    [participants, admin, webhooks]
}

fn router<S>(routes: Table<S>, around: &Around) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    routes.into_iter().fold(Router::new(), |router, (path, methods)| {
        router.route(path, around.put_around(methods))
    })
}
