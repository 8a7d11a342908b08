//! A message, as it is sent and as it is stored, and its idempotency key.

use std::{fmt, sync::Arc};

use serde::Deserialize;

use crate::{
    domain::{
        body::Body,
        erasure::erased_user,
        side::{PerSide, Recipients, Side},
    },
    id::{ConversationId, MessageId, UserId},
    time::Timestamp,
    with::with,
};

/// An immutable text in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The position in the conversation: 1, 2, 3 … without gaps.
    pub seq: u64,
    /// The sender, which determines the addressed sides.
    pub origin: Origin,
    /// The text.
    pub body: Body,
    /// What belongs to it besides its text.
    pub extras: Option<MessageExtras>,
    /// The idempotency key, if any.
    pub idempotency_key: Option<IdempotencyKey>,
    /// When it was stored; never before an earlier message of the conversation.
    pub created_at: Timestamp,
    /// For each side, the number of messages addressed to it up to and including this one: the side's `read` after it
    /// has read up to here.
    pub positions: PerSide<u64>,
}

/// The origin of a message: a user or the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A user on one side, who writes to the other side.
    #[non_exhaustive]
    User {
        /// The sender's side.
        side: Side,
        /// The sender.
        user_id: UserId,
    },
    /// The host.
    #[non_exhaustive]
    System {
        /// The addressed sides.
        to: Recipients,
    },
}

impl Origin {
    /// A message of a user on a side.
    pub const fn user(side: Side, user_id: UserId) -> Self {
        Self::User { side, user_id }
    }

    /// A message of the host to these sides.
    pub const fn system(to: Recipients) -> Self {
        Self::System { to }
    }

    /// Whether the message is addressed to that side, and unread until the side reads it. Both sides see every message.
    pub fn addresses(&self, side: Side) -> bool {
        match self {
            Self::User { side: from, .. } => *from != side,
            Self::System { to } => to.includes(side),
        }
    }

    /// The user who sent the message; `None` for the host.
    pub fn sender(&self) -> Option<&UserId> {
        match self {
            Self::User { user_id, .. } => Some(user_id),
            Self::System { .. } => None,
        }
    }
}

impl Message {
    /// A message without extras and without a key, at position 0 of both sides.
    pub fn new(
        conversation_id: ConversationId,
        seq: u64,
        id: MessageId,
        origin: Origin,
        body: Body,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            conversation_id,
            seq,
            origin,
            body,
            extras: None,
            idempotency_key: None,
            created_at,
            positions: PerSide::default(),
        }
    }

    with! {
        with_id id: MessageId,
        with_seq seq: u64,
        with_origin origin: Origin,
        with_body body: Body,
        with_extras extras: Option<MessageExtras>,
        with_idempotency_key idempotency_key: Option<IdempotencyKey>,
        with_created_at created_at: Timestamp,
        with_positions positions: PerSide<u64>,
    }

    /// Clears the text and replaces the sender by the [erased user](erased_user). Returns whether `sender` is the
    /// sender; if not, nothing changes.
    pub(crate) fn erase(&mut self, sender: &UserId) -> bool {
        match &mut self.origin {
            Origin::User { side, user_id } if user_id == sender => {
                *user_id = erased_user(self.conversation_id, *side);
                self.body = Body::from_stored(String::new());
                self.extras = None;
                self.idempotency_key = None;
                true
            }
            _ => false,
        }
    }
}

/// What belongs to a message besides its text, as one opaque text: what kind of message it is, its payload, what it is
/// about, the files that were sent with it.
///
/// A store keeps it and gives it back byte for byte, with the message, wherever the message is given back. It never looks
/// inside: only the core defines what is written, and adds to it without a change of any store. At most 64 KiB, which the
/// core ensures. It goes with the text when the sender is erased.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageExtras(Arc<str>);

impl MessageExtras {
    /// Takes what was stored, as it is.
    pub fn from_stored(text: String) -> Self {
        Self(text.into())
    }

    /// What is to be stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Its length only: it may hold what people wrote.
impl fmt::Debug for MessageExtras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageExtras({} bytes)", self.0.len())
    }
}

/// The maximum number of characters of an idempotency key.
pub const MAX_IDEMPOTENCY_KEY_CHARS: usize = 64;

/// A key that makes a send repeatable: all sends of one sender in one conversation with the same key create one
/// message. 1 to 64 visible ASCII characters; it never expires.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct IdempotencyKey(Arc<str>);

/// The text is not a valid idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_IDEMPOTENCY_KEY_CHARS} visible ASCII characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// Parses a key, which is kept as it is.
    ///
    /// # Errors
    /// [`InvalidIdempotencyKey`] if the key is empty, longer than 64 characters, or has a character other than visible
    /// ASCII.
    pub fn parse(key: impl AsRef<str>) -> Result<Self, InvalidIdempotencyKey> {
        let key = key.as_ref();
        let fits = (1..=MAX_IDEMPOTENCY_KEY_CHARS).contains(&key.len());
        if fits && key.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(key.into()))
        } else {
            Err(InvalidIdempotencyKey)
        }
    }

    /// The key as it was passed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for IdempotencyKey {
    type Error = InvalidIdempotencyKey;

    fn try_from(key: String) -> Result<Self, InvalidIdempotencyKey> {
        Self::parse(key)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({})", self.0)
    }
}

/// A message to store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewMessage {
    /// Its id.
    pub id: MessageId,
    /// The sender.
    pub origin: Origin,
    /// The text.
    pub body: Body,
    /// What belongs to it besides its text.
    pub extras: Option<MessageExtras>,
    /// The key that makes the send repeatable.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The time of sending.
    pub now: Timestamp,
    /// When a digest of the message is due, unless the side has an earlier one due; `None` if digests are off.
    pub digest_at: Option<Timestamp>,
}

impl NewMessage {
    /// A message without extras and without a key, about which no e-mail is due.
    pub fn new(id: MessageId, origin: Origin, body: Body, now: Timestamp) -> Self {
        Self {
            id,
            origin,
            body,
            extras: None,
            idempotency_key: None,
            now,
            digest_at: None,
        }
    }

    with! {
        with_id id: MessageId,
        with_origin origin: Origin,
        with_body body: Body,
        with_extras extras: Option<MessageExtras>,
        with_idempotency_key idempotency_key: Option<IdempotencyKey>,
        with_now now: Timestamp,
        with_digest_at digest_at: Option<Timestamp>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idempotency_key_is_1_to_64_visible_characters() {
        let ok = |key: &str| IdempotencyKey::parse(key).is_ok();
        assert!(ok("a") && ok("0190163d-8694-739b-aea5-966c26f8ad91") && ok(&"k".repeat(64)));
        assert!(!ok("") && !ok("a b") && !ok("é") && !ok("a\n") && !ok(&"k".repeat(65)));
    }

    #[test]
    fn deserialising_an_idempotency_key_parses() {
        let parsed: IdempotencyKey = serde_json::from_str(r#""k-1""#).unwrap();
        assert_eq!(parsed.as_str(), "k-1");
        assert!(serde_json::from_str::<IdempotencyKey>(r#""a b""#).is_err());
    }

    #[test]
    fn a_message_is_addressed_to_the_other_side_only() {
        let user_id = UserId::parse("u").unwrap();
        for side in Side::ALL {
            let origin = Origin::user(side, user_id.clone());
            assert!(origin.addresses(side.other()) && !origin.addresses(side));
        }
        assert!(
            Side::ALL
                .iter()
                .all(|side| Origin::system(Recipients::Both).addresses(*side))
        );
    }
}
