//! A message, and the key under which it was sent.

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
    /// The conversation it stands in.
    pub conversation_id: ConversationId,
    /// Its place there: 1, 2, 3 … without a gap.
    pub seq: u64,
    /// Who wrote it, and so whom it is for.
    pub origin: Origin,
    /// What it says.
    pub body: Body,
    /// The key it was sent with, if any.
    pub key: Option<IdempotencyKey>,
    /// When it was stored; never before an earlier message of the conversation.
    pub created_at: Timestamp,
    /// For each side, how many messages addressed to it the conversation held with this one: what that
    /// side's read position becomes by reading up to here.
    pub positions: PerSide<u64>,
}

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// One side, to the other.
    User {
        /// The writer's side.
        side: Side,
        /// The writer.
        user_id: UserId,
    },
    /// The host itself.
    System {
        /// Whom it addresses.
        to: Recipients,
    },
}

impl Origin {
    /// Whether the message counts as unread for that side until read. Both sides see every message.
    pub fn addresses(&self, side: Side) -> bool {
        match self {
            Self::User { side: from, .. } => *from != side,
            Self::System { to } => to.includes(side),
        }
    }

    /// The person who wrote it; `None` for the system.
    pub fn sender(&self) -> Option<&UserId> {
        match self {
            Self::User { user_id, .. } => Some(user_id),
            Self::System { .. } => None,
        }
    }
}

impl Message {
    /// Makes it empty and puts the [erased user](erased_user) in its sender's place, if a user is its sender; whether they
    /// are.
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

/// The most characters a send key may have.
pub const MAX_IDEMPOTENCY_KEY_CHARS: usize = 64;

/// What makes a send repeatable: sends of one sender in one conversation with the same key are one message.
/// 1 to 64 visible ASCII characters; it never expires.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(Arc<str>);

/// A text that cannot be a send key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_IDEMPOTENCY_KEY_CHARS} visible ASCII characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// Takes a key as it is.
    ///
    /// # Errors
    /// [`InvalidIdempotencyKey`] when it is empty, longer than 64, or holds anything but visible ASCII.
    pub fn parse(key: impl AsRef<str>) -> Result<Self, InvalidIdempotencyKey> {
        let key = key.as_ref();
        let fits = (1..=MAX_IDEMPOTENCY_KEY_CHARS).contains(&key.len());
        if fits && key.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(key.into()))
        } else {
            Err(InvalidIdempotencyKey)
        }
    }

    /// The key as it was given.
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
