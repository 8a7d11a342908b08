//! The names of channels.

use std::{borrow::Cow, fmt, sync::Arc};

use crate::id::{ConversationId, UserId};

/// A channel of a conversation or of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// The events of a conversation: `private-conversation-{id}`.
    Conversation(ConversationId),
    /// The participants of a conversation who are viewing it: `presence-conversation-{id}`.
    ConversationPresence(ConversationId),
    /// The events of one user: `private-user-{id}`, with the id as [`UserId::to_channel_segment`] writes it.
    User(UserId),
    /// The channel of a user whose id is too long for a channel name. The name holds a digest of the id: to find the
    /// user, names are compared.
    LongUser(UserDigest),
}

/// The digest of a long user id, as a channel name holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDigest(Arc<str>);

/// The maximum number of characters of a channel name.
pub(super) const MAX_CHANNEL_NAME_CHARS: usize = 164;

/// The name of any channel: 1 to 164 characters of `A-Z a-z 0-9 _ - = @ , . ;`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName(Arc<str>);

/// The text is not a valid channel name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_CHANNEL_NAME_CHARS} characters of A-Z a-z 0-9 _ - = @ , . ;")]
pub struct InvalidChannelName;

impl ChannelName {
    /// Parses a name, which is kept as it is.
    ///
    /// # Errors
    /// [`InvalidChannelName`] if the name is empty, too long, or has another character.
    pub fn parse(name: impl AsRef<str>) -> Result<Self, InvalidChannelName> {
        let name = name.as_ref();
        let fits = (1..=MAX_CHANNEL_NAME_CHARS).contains(&name.len());
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-=@,.;".contains(&b);
        if fits && name.bytes().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidChannelName)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether subscribing needs a signature.
    pub fn is_signed(&self) -> bool {
        self.0.starts_with("private-") || self.is_presence()
    }

    /// Whether the members of the channel see each other.
    pub fn is_presence(&self) -> bool {
        self.0.starts_with("presence-")
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names of our channels. With a prefix, several environments can share one realtime app.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelNames {
    prefix: String,
}

/// The maximum number of characters of a prefix: with it the longest channel name of a user still fits.
const MAX_PREFIX_CHARS: usize = 16;

/// The text is not a valid prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at most {MAX_PREFIX_CHARS} characters of A-Z a-z 0-9 _ - = @ , . ;")]
pub struct InvalidPrefix;

impl ChannelNames {
    /// Inserts a prefix after `private-` or `presence-`, for instance `staging-`.
    ///
    /// # Errors
    /// [`InvalidPrefix`] if the prefix is longer than 16 characters, or has a character that channel names do not
    /// allow.
    pub fn with_prefix(prefix: impl Into<String>) -> Result<Self, InvalidPrefix> {
        let prefix = prefix.into();
        let fits =
            prefix.is_empty() || (prefix.len() <= MAX_PREFIX_CHARS && ChannelName::parse(&prefix).is_ok());
        if fits {
            Ok(Self { prefix })
        } else {
            Err(InvalidPrefix)
        }
    }

    /// The name of one of our channels.
    pub fn name(&self, channel: &Channel) -> ChannelName {
        let prefix = &self.prefix;
        ChannelName(match channel {
            Channel::Conversation(id) => format!("private-{prefix}conversation-{id}").into(),
            Channel::ConversationPresence(id) => format!("presence-{prefix}conversation-{id}").into(),
            Channel::User(id) => format!("private-{prefix}user-{}", id.to_channel_segment()).into(),
            Channel::LongUser(UserDigest(digest)) => format!("private-{prefix}user-{digest}").into(),
        })
    }

    /// The canonical name of a channel: a UUID in the name of one of our channels may be in either case.
    pub fn canonical<'a>(&self, name: &'a ChannelName) -> Cow<'a, ChannelName> {
        let may_differ = name.0.bytes().any(|b| matches!(b, b'A'..=b'F'));
        match may_differ.then(|| self.parse(name)).flatten() {
            Some(ours) => Cow::Owned(self.name(&ours)),
            None => Cow::Borrowed(name),
        }
    }

    /// The channel with this name, with the UUID in either case; `None` for a name that is not one of ours.
    pub fn parse(&self, name: &ChannelName) -> Option<Channel> {
        let (is_presence, rest) = match name.0.split_once('-')? {
            ("private", rest) => (false, rest),
            ("presence", rest) => (true, rest),
            _ => return None,
        };
        let rest = rest.strip_prefix(&self.prefix)?;
        if let Some(id) = rest.strip_prefix("conversation-") {
            let id = ConversationId::parse(id).ok()?;
            return Some(if is_presence {
                Channel::ConversationPresence(id)
            } else {
                Channel::Conversation(id)
            });
        }
        match (is_presence, rest.strip_prefix("user-")) {
            (false, Some(user)) if UserId::is_digest_segment(user) => {
                Some(Channel::LongUser(UserDigest(user.into())))
            }
            (false, Some(user)) => UserId::from_channel_segment(user).map(Channel::User),
            _ => None,
        }
    }
}

/// The id of a connection to the realtime server: digits, a dot, digits; at most 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SocketId(Arc<str>);

/// The text is not a socket id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be digits, a dot, digits")]
pub struct InvalidSocketId;

impl SocketId {
    /// Parses a socket id, which is kept as it is.
    ///
    /// # Errors
    /// [`InvalidSocketId`] for any other form.
    pub fn parse(id: impl AsRef<str>) -> Result<Self, InvalidSocketId> {
        let id = id.as_ref();
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        match id.split_once('.') {
            Some((a, b)) if id.len() <= 64 && digits(a) && digits(b) => Ok(Self(id.into())),
            _ => Err(InvalidSocketId),
        }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn parse(name: &str) -> Option<Channel> {
        ChannelNames::default().parse(&ChannelName::parse(name).unwrap())
    }

    #[test]
    fn channels_have_the_names_of_the_contract() {
        let names = ChannelNames::default();
        let id = ConversationId::new(Uuid::nil());
        let name = |channel| names.name(&channel).to_string();
        assert_eq!(
            name(Channel::Conversation(id)),
            format!("private-conversation-{id}")
        );
        assert_eq!(
            name(Channel::ConversationPresence(id)),
            format!("presence-conversation-{id}")
        );
        assert_eq!(
            name(Channel::User(UserId::parse("client-1").unwrap())),
            "private-user-client-1"
        );
    }

    #[test]
    fn a_channel_with_another_name_is_not_ours() {
        let id = Uuid::nil();
        for other in [
            "conversation".to_owned(),
            "private-".to_owned(),
            format!("conversation-{id}"),
            format!("private-conversation-{id}x"),
            format!("private-conversation-{}", id.simple()),
            "private-conversation-".to_owned(),
            "private-user-".to_owned(),
            "presence-user-a".to_owned(),
            "private-orders-1".to_owned(),
            format!("private-encrypted-conversation-{id}"),
            "private-user-=".to_owned(),
            "private-user-=YQ".to_owned(),
            "private-user-==".to_owned(),
            "private-user-==YQ".to_owned(),
            format!("PRIVATE-conversation-{id}"),
        ] {
            assert_eq!(parse(&other), None, "{other}");
        }
    }

    #[test]
    fn a_uuid_in_upper_case_means_the_same_channel() {
        let names = ChannelNames::default();
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        for kind in ["private-conversation-", "presence-conversation-"] {
            let canonical = ChannelName::parse(format!("{kind}{id}")).unwrap();
            for spelling in [id.to_uppercase(), id.replace('d', "D"), id.to_owned()] {
                let name = ChannelName::parse(format!("{kind}{spelling}")).unwrap();
                assert_eq!(names.parse(&name), names.parse(&canonical));
                assert_eq!(*names.canonical(&name), canonical);
            }
        }
        for own in ["private-user-ABC", "private-ORDERS-A"] {
            let name = ChannelName::parse(own).unwrap();
            assert_eq!(*names.canonical(&name), name);
        }
    }

    #[test]
    fn a_prefix_keeps_environments_apart() {
        let staging = ChannelNames::with_prefix("staging-").unwrap();
        let channel = Channel::User(UserId::parse("a").unwrap());
        let name = staging.name(&channel);
        assert_eq!(name.as_str(), "private-staging-user-a");
        assert_eq!(staging.parse(&name), Some(channel));
        assert_eq!(ChannelNames::default().parse(&name), None);
        assert!(
            ChannelNames::with_prefix("a b").is_err() && ChannelNames::with_prefix("x".repeat(17)).is_err()
        );
    }

    #[test]
    fn a_socket_id_is_digits_dot_digits() {
        assert!(SocketId::parse("1234.5678").is_ok());
        for bad in [
            "",
            ".",
            "1.",
            ".1",
            "1",
            "1.2.3",
            "a.1",
            "1.b",
            "1. 2",
            "1.2:x",
            &format!("1.{}", "2".repeat(64)),
        ] {
            assert!(SocketId::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_channel_name_round_trips(id: u128, user in "[!-~]{1,255}", prefix in "[a-z0-9_-]{0,16}") {
            let names = ChannelNames::with_prefix(prefix).unwrap();
            let id = ConversationId::new(Uuid::from_u128(id));
            for channel in [
                Channel::Conversation(id), Channel::ConversationPresence(id), Channel::User(UserId::parse(&user).unwrap()),
            ] {
                let name = names.name(&channel);
                prop_assert_eq!(ChannelName::parse(name.as_str()), Ok(name.clone()));
                prop_assert_eq!(&*names.canonical(&name), &name);
                match (names.parse(&name), channel) {
                    (Some(long @ Channel::LongUser(_)), Channel::User(_)) => prop_assert_eq!(names.name(&long), name),
                    (parsed, channel) => prop_assert_eq!(parsed, Some(channel)),
                }
            }
        }
    }
}
