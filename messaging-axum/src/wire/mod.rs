//! JSON forms of responses. A message has the same form in responses and events:
//! [`MessagePayload`](messaging_core::event::MessagePayload).

mod activity;
mod audit;
mod conversation;
mod report;

pub(crate) use activity::ActivityPayload;
pub(crate) use audit::AuditPayload;
pub(crate) use conversation::{ConversationPayload, DetailsPayload, ListedPayload};
pub(crate) use report::{ReportFilePayload, ReportPayload, ReportedPayload};

use messaging_core::{
    UserId,
    host::directory::{Profiles, UserProfile},
};
use serde::Serialize;
use utoipa::ToSchema;

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Person)]
struct PersonPayload {
    id: UserId,
    /// Empty if unknown.
    #[schema(examples("Ada"))]
    name: String,
    /// The URL of the picture; null if there is none.
    #[schema(required)]
    image: Option<String>,
}

impl PersonPayload {
    fn new(id: UserId, UserProfile { name, image }: UserProfile) -> Self {
        Self { id, name, image }
    }

    fn from_profiles(profiles: &Profiles, id: UserId) -> Self {
        let profile = profiles.user(&id);
        Self::new(id, profile)
    }
}
