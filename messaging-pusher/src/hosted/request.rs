//! Signatures of HTTP API requests.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use messaging_core::time::Timestamp;
use sha2::Sha256;

use crate::credentials::Credentials;

/// The signed path and query of a request. The signature covers the method, the path as sent, and the query, which
/// contains the MD5 of the body.
pub(super) fn signed_target(
    credentials: &Credentials,
    method: &str,
    path: &str,
    body: Option<&[u8]>,
    now: Timestamp,
) -> String {
    let key = &credentials.key;
    let seconds = now.as_millis().div_euclid(1_000);
    // Sorted by name. No value needs escaping.
    let mut query = format!("auth_key={key}&auth_timestamp={seconds}&auth_version=1.0");
    if let Some(body) = body {
        query.push_str("&body_md5=");
        query.push_str(&hex::encode(Md5::digest(body)));
    }
    let to_sign = format!("{method}\n{path}\n{query}");
    let signature = hex::encode(hmac(credentials, to_sign.as_bytes()).finalize().into_bytes());
    format!("{path}?{query}&auth_signature={signature}")
}

/// The HMAC-SHA256 of a text with the app's secret.
pub(super) fn hmac(credentials: &Credentials, text: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC accepts a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(credentials.secret.expose().as_bytes()).expect("any length");
    mac.update(text);
    mac
}

/// Percent-encodes a text as one path segment.
pub(super) fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").ok();
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::credentials::{AppKey, AppSecret};

    fn credentials() -> Credentials {
        Credentials {
            key: AppKey::parse("278d425bdf160c739803").unwrap(),
            secret: AppSecret::parse("7ad3773142a6692b25b8").unwrap(),
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_signature_matches_pushers_documentation() {
        let body = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
        let now = at(1_353_088_179) + Duration::from_millis(999);
        let target = signed_target(&credentials(), "POST", "/apps/3/events", Some(body), now);
        assert_eq!(
            target,
            "/apps/3/events?auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0\
             &body_md5=ec365a775a4cd0599faeb73354201b6f\
             &auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
        );
    }

    #[test]
    fn a_request_without_a_body_has_no_body_digest() {
        let target = signed_target(&credentials(), "GET", "/apps/3/channels", None, at(1));
        let signed = "GET\n/apps/3/channels\nauth_key=278d425bdf160c739803&auth_timestamp=1&auth_version=1.0";
        let signature = hex::encode(hmac(&credentials(), signed.as_bytes()).finalize().into_bytes());
        assert!(target.ends_with(&format!("auth_version=1.0&auth_signature={signature}")));
    }

    #[test]
    fn a_path_segment_can_encode_any_text() {
        assert_eq!(percent_encode("client-1_a.b~c"), "client-1_a.b~c");
        assert_eq!(percent_encode("a/b|c?d%é"), "a%2Fb%7Cc%3Fd%25%C3%A9");
    }
}
