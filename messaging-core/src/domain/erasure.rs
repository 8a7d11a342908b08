//! Forgetting somebody: what stands in their place.

use crate::{
    domain::side::Side,
    id::{ConversationId, UserId},
};

/// Who stands on a side of a conversation whose user has been erased: nobody that a host knows, and nobody who stands
/// anywhere else, so that it does not even say which conversations were the same person's.
pub fn erased_user(of: ConversationId, side: Side) -> UserId {
    let side = match side {
        Side::Client => "client",
        Side::Agent => "agent",
    };
    UserId::from_valid(format!("erased-{side}-{of}"))
}
