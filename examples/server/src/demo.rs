//! Demo routes for the web application: users, tours, and the address of the realtime server.

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

/// The app key of the embedded channels.
pub(crate) const APP_KEY: &str = "local";

/// The options for pusher-js.
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
    /// The options for an app at Pusher.
    pub(crate) fn new(app: &PusherConfig) -> Self {
        Self {
            key: app.key().to_string(),
            ws_host: app.ws_host(),
            ws_port: app.ws_port(),
            force_tls: app.tls() == Tls::On,
            cluster: app.cluster().unwrap_or_default().to_owned(),
        }
    }

    /// The origin of the realtime server, for a content security policy.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.force_tls { "wss" } else { "ws" };
        format!("{scheme}://{}:{}", self.ws_host, self.ws_port)
    }
}

/// `GET /demo/config`: the configured realtime server; with embedded channels, the address at which the browser reached
/// this server.
pub(crate) async fn config(
    State(realtime): State<Realtime>,
    headers: HeaderMap,
) -> Result<Json<RealtimeConfig>, StatusCode> {
    let config = realtime.external_config().or_else(|| realtime_config(&headers));
    config.map(Json).ok_or(StatusCode::BAD_REQUEST)
}

fn realtime_config(headers: &HeaderMap) -> Option<RealtimeConfig> {
    let host: Authority = headers.get(HOST)?.to_str().ok()?.parse().ok()?;
    // A proxy that terminates TLS sets this header.
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

/// JSON form of a user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserPayload {
    id: String,
    role: &'static str,
    name: String,
    image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    agency: Option<AgencyPayload>,
}

/// JSON form of an agency.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AgencyPayload {
    id: String,
    name: String,
    image: String,
}

impl From<DemoUser> for UserPayload {
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

impl From<DemoAgency> for AgencyPayload {
    fn from(agency: DemoAgency) -> Self {
        Self {
            id: agency.id().to_string(),
            name: agency.name(),
            image: agency.image(),
        }
    }
}

/// `GET /demo/users`: a selection of users.
pub(crate) async fn users() -> Json<[UserPayload; 5]> {
    let users = [
        DemoUser::Client(1),
        DemoUser::Agent(1),
        DemoUser::Client(2),
        DemoUser::Agent(2),
        DemoUser::Admin(1),
    ];
    Json(users.map(UserPayload::from))
}

/// `GET /demo/users/{id}`: one user.
pub(crate) async fn user(Path(id): Path<String>) -> Result<Json<UserPayload>, StatusCode> {
    let user = DemoUser::parse(&id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(user.into()))
}

/// JSON form of a tour.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TourPayload {
    id: String,
    title: &'static str,
    summary: &'static str,
    days: u32,
    /// In euros.
    price: u32,
    image: String,
    agency: AgencyPayload,
}

impl From<DemoTour> for TourPayload {
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

/// `GET /demo/tours`: a selection of tours.
pub(crate) async fn tours() -> Json<[TourPayload; 9]> {
    Json([1, 2, 3, 4, 5, 6, 7, 8, 9].map(|n| DemoTour(n).into()))
}

/// `GET /demo/tours/{id}`: one tour.
pub(crate) async fn tour(Path(id): Path<String>) -> Result<Json<TourPayload>, StatusCode> {
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
    fn embedded_channels_have_the_address_of_the_page() {
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
    fn the_options_have_the_names_that_pusher_js_expects() {
        let headers = HeaderMap::from_iter([(HOST, "localhost:3000".parse().unwrap())]);
        let config = serde_json::to_value(realtime_config(&headers).unwrap()).unwrap();
        let expected = serde_json::json!({
            "key": "local", "wsHost": "localhost", "wsPort": 3000, "forceTLS": false, "cluster": "local",
        });
        assert_eq!(config, expected);
    }
}
