//! Erasure of a user: the id that replaces theirs.

use crate::{
    domain::side::Side,
    id::{ConversationId, UserId},
};

/// The id that replaces an erased user on a side of a conversation. It differs for each conversation and side, so that
/// it does not reveal which conversations were of one person. No user of the host has it.
pub fn erased_user(of: ConversationId, side: Side) -> UserId {
    let side = match side {
        Side::Client => "client",
        Side::Agent => "agent",
    };
    UserId::from_valid(format!("erased-{side}-{of}"))
}
