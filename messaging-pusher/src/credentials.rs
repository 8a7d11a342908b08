//! By what an app is known, and with what it signs.

use std::{fmt, sync::Arc};

/// An app's key and secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// By what clients name the app.
    pub key: AppKey,
    /// With what subscriptions are signed; never leaves the servers.
    pub secret: AppSecret,
}

/// By what clients name an app: 1 to 64 characters of `A-Z a-z 0-9 _ -`. Public. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppKey(Arc<str>);

/// With what an app signs: 1 to 256 bytes. Not shown by `Debug`, and not displayed. Cheap to clone.
#[derive(Clone)]
pub struct AppSecret(Arc<str>);

const MAX_KEY_CHARS: usize = 64;
const MAX_SECRET_BYTES: usize = 256;

/// A text that cannot be an app's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_KEY_CHARS} characters of A-Z a-z 0-9 _ -")]
pub struct InvalidAppKey;

/// A text that cannot be an app's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_SECRET_BYTES} bytes")]
pub struct InvalidAppSecret;

impl AppKey {
    /// Takes a key as it is.
    ///
    /// # Errors
    /// [`InvalidAppKey`] when it is empty, too long, or holds another character.
    pub fn parse(key: impl AsRef<str>) -> Result<Self, InvalidAppKey> {
        let key = key.as_ref();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        if (1..=MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(allowed) {
            Ok(Self(key.into()))
        } else {
            Err(InvalidAppKey)
        }
    }

    /// The key.
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
    /// Takes a secret as it is.
    ///
    /// # Errors
    /// [`InvalidAppSecret`] when it is empty or too long.
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
    fn a_key_can_stand_in_a_path_and_before_a_colon() {
        assert!(AppKey::parse("278d425bdf160c739803").is_ok() && AppKey::parse("local").is_ok());
        for bad in ["", "a:b", "a/b", "a b", "é", &"x".repeat(65)] {
            assert_eq!(AppKey::parse(bad), Err(InvalidAppKey), "{bad:?}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let credentials = Credentials {
            key: AppKey::parse("local").unwrap(),
            secret: AppSecret::parse("hush-hush").unwrap(),
        };
        let shown = format!("{credentials:?} {credentials:#?}");
        assert!(shown.contains("local") && !shown.contains("hush"));
        assert!(AppSecret::parse("").is_err());
    }
}
