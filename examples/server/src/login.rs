//! The demo login, without authentication: callers choose their user.

use axum::{
    extract::Request,
    http::{HeaderMap, header::COOKIE},
    middleware::Next,
    response::Response,
};
use messaging_axum::Login;

use crate::users::DemoUser;

const HEADER: &str = "x-demo-user";
/// The login scheme in the OpenAPI document.
pub(crate) const SCHEME: Login = Login::Header(HEADER);
const COOKIE_NAME: &str = "demo_user";

/// Inserts the [`Actor`](messaging_core::Actor) into the request, as a host's login does after checking a session.
/// Unknown users stay unauthenticated.
pub(crate) async fn authenticate(mut request: Request, next: Next) -> Response {
    if let Some(user) = caller(request.headers()) {
        request.extensions_mut().insert(user.actor());
    }
    next.run(request).await
}

/// Whether the request has the login cookie, which browsers also send with cross-site requests.
pub(crate) fn has_cookie(headers: &HeaderMap) -> bool {
    cookie(headers).is_some()
}

/// The header overrides the cookie, so that two windows of one browser can be two users.
fn caller(headers: &HeaderMap) -> Option<DemoUser> {
    match headers.get(HEADER) {
        Some(name) => DemoUser::parse(name.to_str().ok()?),
        None => DemoUser::parse(cookie(headers)?),
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers.get_all(COOKIE).iter().find_map(|cookies| {
        let pairs = cookies.to_str().ok()?.split(';');
        let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
        named
            .find(|(name, _)| *name == COOKIE_NAME)
            .map(|(_, value)| value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], expected: Option<DemoUser>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        assert_eq!(caller(&map), expected, "{headers:?}");
    }

    #[test]
    fn the_caller_is_named_by_a_cookie_or_a_header() {
        check(&[], None);
        check(&[("cookie", "demo_user=client-3")], Some(DemoUser::Client(3)));
        check(
            &[("cookie", "a=b; demo_user=agent-1; c=d")],
            Some(DemoUser::Agent(1)),
        );
        check(
            &[("cookie", "a=b"), ("cookie", "demo_user=admin-1")],
            Some(DemoUser::Admin(1)),
        );
        check(&[("x-demo-user", "agent-2")], Some(DemoUser::Agent(2)));
    }

    #[test]
    fn the_header_overrides_the_cookie() {
        let cookie = ("cookie", "demo_user=client-1");
        check(&[cookie, ("x-demo-user", "agent-1")], Some(DemoUser::Agent(1)));
        check(&[cookie, ("x-demo-user", "unknown")], None);
    }

    #[test]
    fn an_unknown_user_is_unauthenticated() {
        check(&[("cookie", "demo_user=")], None);
        check(&[("cookie", "demo_user=client-0")], None);
        check(&[("cookie", "xdemo_user=client-1")], None);
        check(&[("x-demo-user", "é")], None);
    }
}
