//! The key and secret of an app.

use std::{fmt, sync::Arc};

/// An app's key and secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Public identifier of the app, sent by clients.
    pub key: AppKey,
    /// Signs subscriptions; known to servers only.
    pub secret: AppSecret,
}

/// The public key of an app: 1 to 64 characters of `A-Z a-z 0-9 _ -`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppKey(Arc<str>);

/// The secret of an app: 1 to 256 bytes. `Debug` hides it and there is no `Display`. Cheap to clone.
#[derive(Clone)]
pub struct AppSecret(Arc<str>);

const MAX_KEY_CHARS: usize = 64;
const MAX_SECRET_BYTES: usize = 256;

/// The text is not a valid app key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_KEY_CHARS} characters of A-Z a-z 0-9 _ -")]
pub struct InvalidAppKey;

/// The text is not a valid app secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_SECRET_BYTES} bytes")]
pub struct InvalidAppSecret;

impl AppKey {
    /// Parses a key without changing it.
    ///
    /// # Errors
    /// [`InvalidAppKey`] if the key is empty, longer than 64 characters, or has a character outside `A-Z a-z 0-9 _ -`.
    pub fn parse(key: impl AsRef<str>) -> Result<Self, InvalidAppKey> {
        let key = key.as_ref();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        if (1..=MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(allowed) {
            Ok(Self(key.into()))
        } else {
            Err(InvalidAppKey)
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AppSecret {
    /// Parses a secret without changing it.
    ///
    /// # Errors
    /// [`InvalidAppSecret`] if the secret is empty or longer than 256 bytes.
    pub fn parse(secret: impl AsRef<str>) -> Result<Self, InvalidAppSecret> {
        let secret = secret.as_ref();
        if (1..=MAX_SECRET_BYTES).contains(&secret.len()) {
            Ok(Self(secret.into()))
        } else {
            Err(InvalidAppSecret)
        }
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_no_slash_colon_or_space() {
        assert!(AppKey::parse("278d425bdf160c739803").is_ok() && AppKey::parse("local").is_ok());
        for bad in ["", "a:b", "a/b", "a b", "é", &"x".repeat(65)] {
            assert_eq!(AppKey::parse(bad), Err(InvalidAppKey), "{bad:?}");
        }
    }

    #[test]
    fn debug_output_hides_the_secret() {
        let credentials = Credentials {
            key: AppKey::parse("local").unwrap(),
            secret: AppSecret::parse("hush-hush").unwrap(),
        };
        let shown = format!("{credentials:?} {credentials:#?}");
        assert!(shown.contains("local") && !shown.contains("hush"));
        assert!(AppSecret::parse("").is_err());
    }
}
