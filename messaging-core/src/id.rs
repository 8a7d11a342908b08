//! Ids: those of the host are opaque strings, ours are UUIDs.

mod bucket;

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::{Uuid, fmt::Hyphenated};

pub use self::bucket::Bucket;

/// The prefix that distinguishes the digest of a user id from an id.
const DIGEST: &str = "==";

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// A host's id must be 1 to 255 bytes of printable ASCII without space.
    #[error("must be 1 to 255 printable ASCII characters without space")]
    Host,
    /// One of our ids must be a hyphenated UUID.
    #[error("must be a UUID in its hyphenated form")]
    Uuid,
}

/// The maximum number of bytes of a host's id.
pub const MAX_HOST_ID_BYTES: usize = 255;
/// The maximum number of characters of a user in a channel name: with the longest prefix, the name still fits.
const MAX_SEGMENT_CHARS: usize = 135;
/// The maximum number of characters of a user id in the realtime server's protocol.
const MAX_PROTOCOL_ID_CHARS: usize = 128;

/// The traits of every id with a `parse` function and a text form.
macro_rules! textual {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(id: &str) -> Result<Self, InvalidId> {
                Self::parse(id)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(id: String) -> Result<Self, InvalidId> {
                Self::parse(id)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

/// The keys of a host's tables, each of which has a text form that is an id.
macro_rules! from_host_key {
    ($name:ident: $($key:ty),+) => {$(
        impl From<$key> for $name {
            /// The id in its text form: decimal digits, or a hyphenated UUID in lower case.
            fn from(id: $key) -> Self {
                Self(id.to_string().into())
            }
        }
    )+};
}

macro_rules! host_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// An opaque string of the host: 1 to 255 bytes of printable ASCII without space. Cheap to clone. Made from text by
        /// [`parse`](Self::parse), and from integers and UUIDs by `from`.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses a host's id, which is kept as it is.
            ///
            /// # Errors
            /// [`InvalidId::Host`] if the id is empty, longer than 255 bytes, or has a byte other than printable ASCII
            /// without space.
            pub fn parse(id: impl AsRef<str>) -> Result<Self, InvalidId> {
                let id = id.as_ref();
                let fits = (1..=MAX_HOST_ID_BYTES).contains(&id.len());
                if fits && id.bytes().all(|b| b.is_ascii_graphic()) {
                    Ok(Self(id.into()))
                } else {
                    Err(InvalidId::Host)
                }
            }

            /// The id as the host passed it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        textual!($name);
        from_host_key!($name: i32, u32, i64, u64, i128, u128, Uuid);
    };
}

host_id! {
    /// A person, as known to the host.
    UserId
}
host_id! {
    /// A business, as known to the host; one user answers for it.
    AgentId
}
host_id! {
    /// A booking, as known to the host; it belongs to one client and one agent.
    BookingId
}

impl UserId {
    /// Wraps an id that consists of valid parts.
    pub(crate) fn from_valid(id: String) -> Self {
        debug_assert!(Self::parse(&id).is_ok());
        Self(id.into())
    }

    /// The id as a segment of a channel name: the id itself if it has at most 135 characters, all allowed in channel
    /// names, and does not begin with `=`; otherwise `=` and its base64url if that has at most 135 characters;
    /// otherwise `==` and the base64url of its SHA-256.
    pub fn to_channel_segment(&self) -> String {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-=@,.;".contains(&b);
        if self.0.len() <= MAX_SEGMENT_CHARS && !self.0.starts_with('=') && self.0.bytes().all(plain) {
            return self.0.as_ref().to_owned();
        }
        let encoded = format!("={}", URL_SAFE_NO_PAD.encode(self.0.as_bytes()));
        if encoded.len() <= MAX_SEGMENT_CHARS {
            encoded
        } else {
            self.digest()
        }
    }

    /// The id as the realtime server's protocol names a user, in member data of presence channels and at signing in:
    /// the id itself up to 128 characters, otherwise `==` and the base64url of its SHA-256.
    pub fn to_protocol_id(&self) -> Cow<'_, str> {
        if self.0.len() <= MAX_PROTOCOL_ID_CHARS {
            Cow::Borrowed(&self.0)
        } else {
            Cow::Owned(self.digest())
        }
    }

    fn digest(&self) -> String {
        format!(
            "{DIGEST}{}",
            URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.as_bytes()))
        )
    }

    /// Whether a segment is a digest, from which no id can be decoded: `==` and the base64url of a SHA-256.
    pub(crate) fn is_digest_segment(segment: &str) -> bool {
        let decoded = segment
            .strip_prefix(DIGEST)
            .and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok());
        decoded.is_some_and(|digest| digest.len() == Sha256::output_size())
    }

    /// Decodes the user from a segment that [`to_channel_segment`](Self::to_channel_segment) made. `None` for a digest
    /// and for any other text, so that every user has exactly one channel.
    pub fn from_channel_segment(segment: &str) -> Option<Self> {
        let user = match segment.strip_prefix('=') {
            None => Self::parse(segment).ok()?,
            Some(encoded) => {
                let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
                Self::parse(std::str::from_utf8(&bytes).ok()?).ok()?
            }
        };
        (user.to_channel_segment() == segment).then_some(user)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }

            /// Parses the hyphenated form, in either case (RFC 9562), and no other form. It is written in lower case.
            ///
            /// # Errors
            /// [`InvalidId::Uuid`] for any other text.
            pub fn parse(id: impl AsRef<str>) -> Result<Self, InvalidId> {
                let id = id.as_ref();
                let uuid = Uuid::try_parse(id).map_err(|_| InvalidId::Uuid)?;
                // The forms without hyphens, in braces or as a URN have other lengths.
                if id.len() == Hyphenated::LENGTH { Ok(Self(uuid)) } else { Err(InvalidId::Uuid) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        textual!($name);
    };
}

uuid_id! {
    /// The conversation of a client and an agent. Created as a UUIDv7 with its client's [`Bucket`].
    ConversationId
}
uuid_id! {
    /// A message. Created as a UUIDv7; its seq, not its id, is its position in the conversation.
    MessageId
}
uuid_id! {
    /// A running instance of the workers, which owns leases on lanes and users.
    WorkerId
}
uuid_id! {
    /// A digest e-mail; its repetitions have the same id. Created as a UUIDv7.
    DigestId
}
uuid_id! {
    /// An entry of the audit log. Created as a UUIDv7.
    AuditId
}
uuid_id! {
    /// A report of a conversation. Created as a UUIDv7 with the [`Bucket`] of its conversation.
    ReportId
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_and_uuids_of_the_host_are_ids() {
        let uuid = Uuid::from_u128(0x0190_163d_8694_739b_aea5_966c_26f8_ad91);
        for (id, text) in [
            (UserId::from(42_i64), "42"),
            (UserId::from(i64::MIN), "-9223372036854775808"),
            (UserId::from(u64::MAX), "18446744073709551615"),
            (UserId::from(0_i32), "0"),
            (UserId::from(7_u32), "7"),
            (UserId::from(uuid), "0190163d-8694-739b-aea5-966c26f8ad91"),
        ] {
            assert_eq!(Ok(&id), UserId::parse(text).as_ref());
        }
        assert_eq!(AgentId::from(42_i64).as_str(), BookingId::from(42_u32).as_str());
    }

    #[test]
    fn a_host_id_is_1_to_255_graphic_ascii_characters() {
        let ok = |id: &str| UserId::parse(id).is_ok();
        assert!(ok("a") && ok("user|42") && ok(&"x".repeat(255)));
        for bad in ["", " ", "a b", "a\n", "é", "\u{7f}", "a\0b", &"x".repeat(256)] {
            assert!(!ok(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_uuid_is_parsed_in_either_case_and_written_in_lower_case() {
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        for same in [id.to_owned(), id.to_uppercase(), id.replace('d', "D")] {
            assert_eq!(ConversationId::parse(&same).unwrap().to_string(), id, "{same}");
        }
        for other in [
            id.replace('-', ""),
            format!("{{{id}}}"),
            format!("urn:uuid:{id}"),
            format!("{id} "),
            String::new(),
        ] {
            assert_eq!(ConversationId::parse(&other), Err(InvalidId::Uuid), "{other:?}");
        }
    }

    #[test]
    fn a_user_id_is_used_unchanged_in_a_channel_name_if_possible() {
        let segment = |id: &str| UserId::parse(id).unwrap().to_channel_segment();
        assert_eq!(segment("client-1"), "client-1");
        assert_eq!(segment("a@b.example"), "a@b.example");
        assert_eq!(segment("auth0|42"), "=YXV0aDB8NDI");
        assert_eq!(segment("=YQ"), "=PVlR");
        assert_eq!(segment(&"x".repeat(135)), "x".repeat(135));
        let digest = |id: &str| segment(id).starts_with("==") && segment(id).len() == 45;
        assert!(digest(&"x".repeat(136)) && digest(&"|".repeat(101)));
        assert_eq!(segment(&"|".repeat(100)).len(), 135);
        // The first test vector of FIPS 180.
        let abc = Sha256::digest(b"abc");
        assert_eq!(
            URL_SAFE_NO_PAD.encode(abc),
            "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"
        );
    }

    #[test]
    fn the_protocol_id_is_the_user_id_up_to_128_characters() {
        let id = |length: usize| UserId::parse("|".repeat(length)).unwrap();
        assert_eq!(id(128).to_protocol_id(), id(128).as_str());
        assert_eq!(id(129).to_protocol_id(), id(129).to_channel_segment());
    }

    proptest! {
        #[test]
        fn a_channel_segment_names_one_user(id in "[!-~]{1,255}", other in "[!-~]{1,255}") {
            let user = UserId::parse(&id).unwrap();
            let segment = user.to_channel_segment();
            prop_assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-=@,.;".contains(&b)));
            prop_assert!(segment.len() <= MAX_SEGMENT_CHARS);
            let is_digest = UserId::is_digest_segment(&segment);
            prop_assert_eq!(UserId::from_channel_segment(&segment), (!is_digest).then_some(user));
            if let Some(read) = UserId::from_channel_segment(&other) {
                prop_assert_eq!(read.to_channel_segment(), other);
            }
        }
    }
}
