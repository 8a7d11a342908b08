//! What the page needs from this host beyond messaging: who there is, and where the realtime server is.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::HOST, uri::Authority},
};
use messaging_pusher::{PusherConfig, Tls};
use serde::Serialize;

use crate::{
    names::Tour,
    realtime::Realtime,
    users::{DemoAgency, DemoTour, DemoUser},
};

/// How the app is known to pusher-js.
pub(crate) const APP_KEY: &str = "local";

/// What to give to pusher-js.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RealtimeConfig {
    key: String,
    ws_host: String,
    ws_port: u16,
    #[serde(rename = "forceTLS")]
    force_tls: bool,
    cluster: String,
}

impl RealtimeConfig {
    /// How pages find the server of an app at Pusher.
    pub(crate) fn of(app: &PusherConfig) -> Self {
        Self {
            key: app.key().to_string(),
            ws_host: app.ws_host(),
            ws_port: app.ws_port(),
            force_tls: app.tls() == Tls::On,
            cluster: app.cluster().unwrap_or_default().to_owned(),
        }
    }

    /// Its origin, as a content security policy names it.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.force_tls { "wss" } else { "ws" };
        format!("{scheme}://{}:{}", self.ws_host, self.ws_port)
    }
}

/// `GET /demo/config`: the realtime server that was configured; else the channels are on this very server,
/// so wherever the browser found it.
pub(crate) async fn config(
    State(realtime): State<Realtime>,
    headers: HeaderMap,
) -> Result<Json<RealtimeConfig>, StatusCode> {
    let config = realtime.elsewhere().or_else(|| realtime_config(&headers));
    config.map(Json).ok_or(StatusCode::BAD_REQUEST)
}

fn realtime_config(headers: &HeaderMap) -> Option<RealtimeConfig> {
    let host: Authority = headers.get(HOST)?.to_str().ok()?.parse().ok()?;
    // Behind a proxy that ends TLS, the browser spoke TLS.
    let force_tls = headers
        .get("x-forwarded-proto")
        .is_some_and(|proto| proto == "https");
    Some(RealtimeConfig {
        key: APP_KEY.to_owned(),
        ws_host: host.host().to_owned(),
        ws_port: host.port_u16().unwrap_or(if force_tls { 443 } else { 80 }),
        force_tls,
        cluster: APP_KEY.to_owned(),
    })
}

/// Somebody, as the page shows them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownUser {
    id: String,
    role: &'static str,
    name: String,
    image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    agency: Option<ShownAgency>,
}

/// An agency, as the page shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownAgency {
    id: String,
    name: String,
    image: String,
}

impl From<DemoUser> for ShownUser {
    fn from(user: DemoUser) -> Self {
        let (role, agency) = match user {
            DemoUser::Client(_) => ("client", None),
            DemoUser::Agent(n) => ("agent", Some(DemoAgency(n).into())),
            DemoUser::Admin(_) => ("admin", None),
        };
        Self {
            id: user.id().to_string(),
            role,
            name: user.name(),
            image: user.image(),
            agency,
        }
    }
}

impl From<DemoAgency> for ShownAgency {
    fn from(agency: DemoAgency) -> Self {
        Self {
            id: agency.id().to_string(),
            name: agency.name(),
            image: agency.image(),
        }
    }
}

/// `GET /demo/users`: some to choose from.
pub(crate) async fn users() -> Json<[ShownUser; 5]> {
    let some = [
        DemoUser::Client(1),
        DemoUser::Agent(1),
        DemoUser::Client(2),
        DemoUser::Agent(2),
        DemoUser::Admin(1),
    ];
    Json(some.map(ShownUser::from))
}

/// `GET /demo/users/{id}`: anyone.
pub(crate) async fn user(Path(id): Path<String>) -> Result<Json<ShownUser>, StatusCode> {
    let user = DemoUser::parse(&id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(user.into()))
}

/// A tour, as the page shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownTour {
    id: String,
    title: &'static str,
    summary: &'static str,
    days: u32,
    /// In euros.
    price: u32,
    image: String,
    agency: ShownAgency,
}

impl From<DemoTour> for ShownTour {
    fn from(tour: DemoTour) -> Self {
        let Tour {
            title,
            summary,
            days,
            price,
        } = tour.offer();
        Self {
            id: tour.id(),
            title,
            summary,
            days,
            price,
            image: tour.image(),
            agency: tour.agency().into(),
        }
    }
}

/// `GET /demo/tours`: some to choose from.
pub(crate) async fn tours() -> Json<[ShownTour; 9]> {
    Json([1, 2, 3, 4, 5, 6, 7, 8, 9].map(|n| DemoTour(n).into()))
}

/// `GET /demo/tours/{id}`: any.
pub(crate) async fn tour(Path(id): Path<String>) -> Result<Json<ShownTour>, StatusCode> {
    let tour = DemoTour::parse(&id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(tour.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &'static str)], expected: Option<(&str, u16, bool)>) {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let config = realtime_config(&headers.collect());
        let found = config
            .as_ref()
            .map(|config| (config.ws_host.as_str(), config.ws_port, config.force_tls));
        assert_eq!(found, expected);
    }

    #[test]
    fn the_channels_are_where_the_browser_found_the_page() {
        check(&[("host", "127.0.0.1:3000")], Some(("127.0.0.1", 3000, false)));
        check(&[("host", "[::1]:3000")], Some(("[::1]", 3000, false)));
        check(&[("host", "demo.example")], Some(("demo.example", 80, false)));
        let proxied = ("x-forwarded-proto", "https");
        check(
            &[("host", "demo.example"), proxied],
            Some(("demo.example", 443, true)),
        );
        check(
            &[("host", "demo.example:8443"), proxied],
            Some(("demo.example", 8443, true)),
        );
        check(&[("host", "a b")], None);
        check(&[], None);
    }

    #[test]
    fn pusher_js_finds_its_options_under_their_names() {
        let headers = HeaderMap::from_iter([(HOST, "localhost:3000".parse().unwrap())]);
        let config = serde_json::to_value(realtime_config(&headers).unwrap()).unwrap();
        let expected = serde_json::json!({
            "key": "local", "wsHost": "localhost", "wsPort": 3000, "forceTLS": false, "cluster": "local",
        });
        assert_eq!(config, expected);
    }
}
