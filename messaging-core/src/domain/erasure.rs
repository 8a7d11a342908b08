//! Erasure of a user: the id that replaces theirs.

use crate::{
    domain::side::Side,
    id::{ConversationId, UserId},
};

/// The id that stands on a side of a conversation in place of an erased user. It differs for each conversation and side, so
/// that it does not show which conversations were those of one person; no user of the host has it.
pub fn erased_user(of: ConversationId, side: Side) -> UserId {
    let side = match side {
        Side::Client => "client",
        Side::Agent => "agent",
    };
    UserId::from_valid(format!("erased-{side}-{of}"))
}
