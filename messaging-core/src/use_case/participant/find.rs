use std::collections::BTreeSet;

use futures_util::future::join3;

use tracing::instrument;

use super::{ConversationDetails, ConversationView};
use crate::{
    actor::Actor,
    domain::side::{PerSide, Side},
    error::Error,
    host::directory::ProfileQuery,
    id::{ConversationId, UserId},
    policy::{Action, Standing, shows_presence},
    store::AuditedAction,
    use_case::{Messaging, found},
};

const SEEING: &str = "reading a conversation";

impl Messaging {
    /// One conversation, with all its bookings and who is connected.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), [`Unavailable`](crate::ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), conversation_id = %id))]
    pub async fn find_conversation(
        &self,
        actor: &Actor,
        id: ConversationId,
    ) -> Result<ConversationDetails, Error> {
        let store_error = |error| Error::store(error, SEEING);
        let summary = self.store().find_summary(id).await.map_err(store_error)?;
        let conversation = summary.as_ref().map(|summary| &summary.conversation);
        let standing = self.decide(actor, Action::See, conversation, SEEING).await?;
        let summary = found(summary, SEEING)?;
        if standing == Standing::Audited {
            self.audit(actor, AuditedAction::See, Some(id)).await?;
        }
        let bookings = self.store().list_bookings(id).await.map_err(store_error)?;
        let mut query = ProfileQuery::default().with_summary(&summary);
        query.bookings.extend(bookings.iter().cloned());
        let users = PerSide::from_fn(|side| summary.conversation.user(side).clone());
        let both = [users.client.clone(), users.agent.clone()];
        let viewer = self.viewer_with(actor, &summary.conversation, &bookings);
        let (profiles, online, viewer) =
            join3(self.profiles(&query), self.0.host.online(&both), viewer).await;
        let shows = standing
            .side()
            .is_none_or(|own| shows_presence(&summary.conversation, own));
        Ok(ConversationDetails {
            view: ConversationView::new(summary, viewer, &profiles),
            bookings: bookings
                .into_iter()
                .map(|id| (id.clone(), profiles.booking(&id)))
                .collect(),
            online: PerSide::from_fn(|side| {
                let is_told = standing.side().is_none_or(|own| own == side || shows);
                online.get(users.of(side)).copied().filter(|_| is_told)
            }),
        })
    }

    /// Whether the other side of conversations that an actor was shown is connected, or both where the actor takes
    /// no part; `None` where that is unknown, was not asked, or the other side blocks the actor. One question to
    /// [`Presence`](crate::host::presence::Presence) for all of them.
    pub async fn list_online(&self, of: &[ConversationView]) -> Vec<PerSide<Option<bool>>> {
        let asked = |view: &ConversationView, side| {
            let is_told = view
                .side
                .is_none_or(|own| own != side && shows_presence(&view.summary.conversation, own));
            is_told.then(|| view.summary.conversation.user(side).clone())
        };
        let users: BTreeSet<UserId> = of
            .iter()
            .flat_map(|view| Side::ALL.into_iter().filter_map(|side| asked(view, side)))
            .collect();
        let online = self.0.host.online(&users.into_iter().collect::<Vec<_>>()).await;
        let is_online = |user| online.get(&user).copied();
        of.iter()
            .map(|view| PerSide::from_fn(|side| asked(view, side).and_then(is_online)))
            .collect()
    }
}
