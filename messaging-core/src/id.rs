//! The names of things: the host's ids are opaque strings, ours are UUIDs.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// A host's id must be 1 to 100 bytes of printable ASCII without space.
    #[error("must be 1 to 100 printable ASCII characters without space")]
    Host,
    /// One of our ids must be a hyphenated UUID in lower case.
    #[error("must be a UUID in its hyphenated, lower-case form")]
    Uuid,
}

/// The most bytes an id of the host may have.
pub const MAX_HOST_ID_BYTES: usize = 100;

/// What every id can do that has a `parse` and a text.
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

macro_rules! host_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// An opaque string of the host: 1 to 100 bytes of printable ASCII without space. Cheap to clone.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the host's id as it is.
            ///
            /// # Errors
            /// [`InvalidId::Host`] when it is empty, longer than 100 bytes, or holds anything but printable
            /// ASCII without space.
            pub fn parse(id: impl AsRef<str>) -> Result<Self, InvalidId> {
                let id = id.as_ref();
                let fits = (1..=MAX_HOST_ID_BYTES).contains(&id.len());
                if fits && id.bytes().all(|b| b.is_ascii_graphic()) {
                    Ok(Self(id.into()))
                } else {
                    Err(InvalidId::Host)
                }
            }

            /// The id as the host gave it.
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
    };
}

host_id! {
    /// A person the host knows.
    UserId
}
host_id! {
    /// A business the host knows; one user answers for it.
    AgentId
}
host_id! {
    /// A booking the host knows; it belongs to one client and one agent.
    BookingId
}

impl UserId {
    /// An id that is made of parts known to be valid.
    pub(crate) fn from_valid(id: String) -> Self {
        debug_assert!(Self::parse(&id).is_ok());
        Self(id.into())
    }

    /// The id as it stands in a channel's name: itself where a channel's name may hold all its characters
    /// and it does not begin with `=`, else `=` and its base64url.
    pub fn to_channel_segment(&self) -> String {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-=@,.;".contains(&b);
        if !self.0.starts_with('=') && self.0.bytes().all(plain) {
            self.0.as_ref().to_owned()
        } else {
            format!("={}", URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
        }
    }

    /// The user that a segment made by [`to_channel_segment`](Self::to_channel_segment) names; `None` for
    /// any other text, so that every user has exactly one channel.
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

            /// The UUID itself.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }

            /// Reads the hyphenated, lower-case form, and no other: one id, one text.
            ///
            /// # Errors
            /// [`InvalidId::Uuid`] for everything else.
            pub fn parse(id: impl AsRef<str>) -> Result<Self, InvalidId> {
                let id = id.as_ref();
                let uuid = Uuid::try_parse(id).map_err(|_| InvalidId::Uuid)?;
                let mut buffer = Uuid::encode_buffer();
                if uuid.as_hyphenated().encode_lower(&mut buffer) == id { Ok(Self(uuid)) } else { Err(InvalidId::Uuid) }
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
    /// The one thread between one client and one agent. A UUIDv7 when made by us.
    ConversationId
}
uuid_id! {
    /// A message. A UUIDv7 when made by us; its place in the conversation is its seq, never its id.
    MessageId
}
uuid_id! {
    /// One running instance of the workers: who owns a lane, or is about to mail somebody.
    WorkerId
}
uuid_id! {
    /// One e-mail about what is unread; a repetition of it has the same. A UUIDv7 when made by us.
    DigestId
}
uuid_id! {
    /// An entry of the audit log. A UUIDv7 when made by us.
    AuditId
}
uuid_id! {
    /// A report of a conversation. A UUIDv7 when made by us.
    ReportId
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_id_is_1_to_100_graphic_ascii_characters() {
        let ok = |id: &str| UserId::parse(id).is_ok();
        assert!(ok("a") && ok("user|42") && ok(&"x".repeat(100)));
        for bad in ["", " ", "a b", "a\n", "é", "\u{7f}", "a\0b", &"x".repeat(101)] {
            assert!(!ok(bad), "{bad:?}");
        }
    }

    #[test]
    fn our_ids_have_one_text_each() {
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        assert_eq!(ConversationId::parse(id).unwrap().to_string(), id);
        for other in [
            id.to_uppercase(),
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
    fn a_user_stands_in_a_channel_as_it_is_where_it_can() {
        let segment = |id: &str| UserId::parse(id).unwrap().to_channel_segment();
        assert_eq!(segment("client-1"), "client-1");
        assert_eq!(segment("a@b.example"), "a@b.example");
        assert_eq!(segment("auth0|42"), "=YXV0aDB8NDI");
        assert_eq!(segment("=YQ"), "=PVlR");
    }

    proptest! {
        #[test]
        fn a_channel_segment_names_one_user(id in "[!-~]{1,100}", other in "[!-~]{1,100}") {
            let user = UserId::parse(&id).unwrap();
            let segment = user.to_channel_segment();
            prop_assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-=@,.;".contains(&b)));
            prop_assert_eq!(UserId::from_channel_segment(&segment), Some(user));
            if let Some(read) = UserId::from_channel_segment(&other) {
                prop_assert_eq!(read.to_channel_segment(), other);
            }
        }
    }
}
