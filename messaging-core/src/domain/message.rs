//! A message, and its idempotency key.

use std::{fmt, sync::Arc};

use crate::{
    domain::{
        body::Body,
        erasure::erased_user,
        side::{PerSide, Recipients, Side},
    },
    id::{ConversationId, MessageId, UserId},
    time::Timestamp,
};

/// An immutable text in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The idempotency key, if any.
    pub key: Option<IdempotencyKey>,
    /// When it was stored; never before an earlier message of the conversation.
    pub created_at: Timestamp,
    /// For each side, the number of messages addressed to it up to and including this one: the side's `read` after it
    /// has read up to here.
    pub positions: PerSide<u64>,
}

/// The origin of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A user on one side, who writes to the other side.
    User {
        /// The sender's side.
        side: Side,
        /// The sender.
        user_id: UserId,
    },
    /// The host.
    System {
        /// The addressed sides.
        to: Recipients,
    },
}

impl Origin {
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
    /// Clears the text and replaces the sender by the [erased user](erased_user). Returns whether `sender` is the
    /// sender; if not, nothing changes.
    pub(crate) fn erase(&mut self, sender: &UserId) -> bool {
        match &mut self.origin {
            Origin::User { side, user_id } if user_id == sender => {
                *user_id = erased_user(self.conversation_id, *side);
                self.body = Body::from_stored(String::new());
                self.key = None;
                true
            }
            _ => false,
        }
    }
}

/// The maximum number of characters of an idempotency key.
pub const MAX_IDEMPOTENCY_KEY_CHARS: usize = 64;

/// A key that makes a send repeatable: all sends of one sender in one conversation with the same key create one
/// message. 1 to 64 visible ASCII characters; it never expires.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_key_is_1_to_64_visible_characters() {
        let ok = |key: &str| IdempotencyKey::parse(key).is_ok();
        assert!(ok("a") && ok("0190163d-8694-739b-aea5-966c26f8ad91") && ok(&"k".repeat(64)));
        assert!(!ok("") && !ok("a b") && !ok("é") && !ok("a\n") && !ok(&"k".repeat(65)));
    }

    #[test]
    fn ones_own_message_is_for_the_other_side_only() {
        let user_id = UserId::parse("u").unwrap();
        for side in Side::ALL {
            let origin = Origin::User {
                side,
                user_id: user_id.clone(),
            };
            assert!(origin.addresses(side.other()) && !origin.addresses(side));
        }
        assert!(
            Side::ALL
                .iter()
                .all(|side| Origin::System { to: Recipients::Both }.addresses(*side))
        );
    }
}
