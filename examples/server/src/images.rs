//! Generated pictures of users, agencies and tours.

use axum::{
    extract::Path,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};

use crate::users::{DemoAgency, DemoTour, DemoUser};

/// `GET /demo/images/{file}`
pub(crate) async fn show(Path(file): Path<String>) -> Response {
    let Some(svg) = file.strip_suffix(".svg").and_then(draw) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400")),
        // An SVG opened directly is a document; it may load and run nothing.
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'"),
        ),
    ];
    (headers, svg).into_response()
}

fn draw(id: &str) -> Option<String> {
    if let Some(user) = DemoUser::parse(id) {
        return Some(portrait(&user.name(), hue(id)));
    }
    if DemoTour::parse(id).is_some() {
        return Some(landscape(hue(id)));
    }
    DemoAgency::parse(id).map(|_| logo(hue(id)))
}

/// The initials of a name on a coloured background.
fn portrait(name: &str, hue: u32) -> String {
    let initials: String = name.split(' ').filter_map(|word| word.chars().next()).collect();
    let (light, dark) = (colour(hue, 62), colour(hue + 36, 42));
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80"><defs><linearGradient id="g" x2="1" y2="1"><stop stop-color="{light}"/><stop offset="1" stop-color="{dark}"/></linearGradient></defs><rect width="80" height="80" fill="url(#g)"/><text x="40" y="41" fill="#fff" font-family="system-ui,sans-serif" font-size="30" font-weight="600" text-anchor="middle" dominant-baseline="central">{initials}</text></svg>"##
    )
}

/// A sun above mountains.
fn logo(hue: u32) -> String {
    let (sky, far, near) = (colour(hue, 82), colour(hue, 52), colour(hue + 20, 34));
    let sun = 18 + hue % 44;
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80"><rect width="80" height="80" fill="{sky}"/><circle cx="{sun}" cy="24" r="9" fill="#fff" fill-opacity=".9"/><path d="M-6 74 26 30l22 30 14-16 30 36z" fill="{far}"/><path d="M-8 84 34 52l16 13 18-11 26 30z" fill="{near}"/></svg>"##
    )
}

/// A sun above hills behind hills.
fn landscape(hue: u32) -> String {
    let (top, low) = (colour(hue + 30, 74), colour(hue, 90));
    let [far, middle, near] = [62, 46, 31].map(|lightness| colour(hue + 62 - lightness, lightness));
    let (x, y) = (120 + hue % 400, 70 + hue % 50);
    let (a, b) = (150 + hue % 160, 330 + hue % 140);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" preserveAspectRatio="xMidYMid slice"><defs><linearGradient id="s" x2="0" y2="1"><stop stop-color="{top}"/><stop offset="1" stop-color="{low}"/></linearGradient></defs><rect width="640" height="360" fill="url(#s)"/><circle cx="{x}" cy="{y}" r="30" fill="#fff" fill-opacity=".85"/><path d="M0 250 {a} 120l70 66 48-30 {b} 110V360H0z" fill="{far}"/><path d="M0 262q110-60 230-16t210-24 200 30v108H0z" fill="{middle}"/><path d="M0 318q150-46 320-12t320-30v84H0z" fill="{near}"/></svg>"##
    )
}

fn colour(hue: u32, lightness: u32) -> String {
    format!("hsl({} 52% {lightness}%)", hue % 360)
}

/// A hue for an id; consecutive ids get distant hues.
fn hue(id: &str) -> u32 {
    id.bytes()
        .fold(11, |hue, byte| (hue * 31 + u32::from(byte) * 97) % 360)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_id_has_a_picture() {
        for id in ["client-1", "agent-1", "admin-1", "agency-1", "tour-1"] {
            assert!(draw(id).unwrap().starts_with("<svg"), "{id}");
        }
        assert_eq!(draw("client-0"), None);
        assert_eq!(draw("../client-1"), None);
    }
}
