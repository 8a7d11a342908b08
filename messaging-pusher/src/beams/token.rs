//! The token with which a device registers for a user: a JSON Web Token, HS256.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use messaging_core::{Timestamp, id::UserId};
use serde::Serialize;
use sha2::Sha256;

use crate::credentials::AppSecret;

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Validity of a token, in seconds.
const VALID_FOR: i64 = 24 * 60 * 60;

#[derive(Serialize)]
struct Claims<'a> {
    iat: i64,
    exp: i64,
    iss: String,
    sub: &'a str,
}

pub(super) fn user_token(instance: &str, secret: &AppSecret, user_id: &UserId, now: Timestamp) -> String {
    let iat = now.as_millis() / 1_000;
    let claims = Claims {
        iat,
        exp: iat + VALID_FOR,
        iss: format!("https://{instance}.pushnotifications.pusher.com"),
        sub: user_id.as_str(),
    };
    let claims = serde_json::to_string(&claims).expect("numbers and strings serialise without error");
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(HEADER),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC accepts a key of any length");
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{signed}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_pushers_documentation() {
        let secret = AppSecret::parse("12345").unwrap();
        let user_id = UserId::parse("user-001").unwrap();
        let token = user_token(
            "12345",
            &secret,
            &user_id,
            Timestamp::from_millis(1_600_000_000_999),
        );
        assert_eq!(
            token,
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE2MDAwMDAwMDAsImV4cCI6MTYwMDA4NjQwMCwiaXNzIjoiaHR0cHM6\
             Ly8xMjM0NS5wdXNobm90aWZpY2F0aW9ucy5wdXNoZXIuY29tIiwic3ViIjoidXNlci0wMDEifQ.\
             lwC8R03x1uLKS9WlW4QDa-dKCbLIG3Jwy_2Cpitc920"
        );
    }
}
