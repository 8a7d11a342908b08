//! What is answered, as JSON. A message is the same in an answer as in an event:
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

/// A person, as shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Person)]
struct PersonPayload {
    id: UserId,
    /// Empty when it is not known.
    #[schema(examples("Ada"))]
    name: String,
    /// Where their picture is; null when there is none.
    #[schema(required)]
    image: Option<String>,
}

impl PersonPayload {
    fn new(id: UserId, UserProfile { name, image }: UserProfile) -> Self {
        Self { id, name, image }
    }

    fn among(profiles: &Profiles, id: UserId) -> Self {
        let profile = profiles.user(&id);
        Self::new(id, profile)
    }
}
