//! Decisions: our rules first, then the host's policy. What the policy is told, for how long it is asked, and what holds
//! where it does not answer.

use std::collections::HashMap;

use super::{Messaging, participant::Viewer};
use crate::{
    actor::Actor,
    domain::conversation::Conversation,
    error::Error,
    host::HostError,
    host::access::{ParticipantAction, Participants, Ruling, WithoutAnswer},
    id::{BookingId, ConversationId},
    policy::{self, Action, Decision, Standing},
    store::StoreError,
    telemetry::{self, HostPart},
};

impl Messaging {
    /// Decides by our rules, then by the host's policy where the action is one of a participant.
    pub(super) async fn decide(
        &self,
        actor: &Actor,
        action: Action<'_>,
        on: Option<&Conversation>,
        doing: &'static str,
    ) -> Result<Standing, Error> {
        let standing = by_our_rules(actor, action, on, doing)?;
        if let (true, Some(action), Some(conversation)) = (self.has_policy(), action.of_participant(), on) {
            let participants = self.participants(&[conversation]).await;
            for participants in participants.map_err(|error| Error::store(error, doing))? {
                self.check(actor, action, &participants, doing).await?;
            }
        }
        Ok(standing)
    }

    /// Asks the host's policy, after our rules have allowed the action.
    pub(super) async fn check(
        &self,
        actor: &Actor,
        action: ParticipantAction,
        on: &Participants,
        doing: &'static str,
    ) -> Result<(), Error> {
        let Some(policy) = &self.0.policy else {
            return Ok(());
        };
        match self.ask_policy(policy.check(actor, action, on)).await {
            Ok(Ruling::Allow) => Ok(()),
            Ok(Ruling::Refuse { message }) => Err(Error::refused_by_host(message, doing)),
            Err(error) => match action.without_answer() {
                WithoutAnswer::Unavailable => Err(Error::host(error, doing)),
                WithoutAnswer::Pass => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, ?action, "access policy failed; the action passes");
                    Ok(())
                }
            },
        }
    }

    /// How the actor stands to each of these conversations; one question to the host's policy for all of them.
    pub(super) async fn viewers(&self, actor: &Actor, of: &[&Conversation]) -> Vec<Viewer> {
        let viewers: Vec<_> = of.iter().map(|one| Viewer::by_our_rules(actor, one)).collect();
        let asked = of.iter().zip(&viewers).filter(|(_, viewer)| viewer.can_send);
        let asked: Vec<_> = asked.map(|(conversation, _)| *conversation).collect();
        if asked.is_empty() || !self.has_policy() {
            return viewers;
        }
        let participants = match self.participants(&asked).await {
            Ok(participants) => participants,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "listing bookings failed; canSend follows our rules alone");
                return viewers;
            }
        };
        self.restrict(actor, viewers, &participants).await
    }

    /// How the actor stands to one conversation.
    pub(super) async fn viewer(&self, actor: &Actor, of: &Conversation) -> Viewer {
        let viewer = self.viewers(actor, &[of]).await.pop();
        viewer.unwrap_or_else(|| Viewer::by_our_rules(actor, of))
    }

    /// How the actor stands to one conversation whose bookings are known.
    pub(super) async fn viewer_with(
        &self,
        actor: &Actor,
        of: &Conversation,
        bookings: &[BookingId],
    ) -> Viewer {
        let viewer = Viewer::by_our_rules(actor, of);
        if !viewer.can_send || !self.has_policy() {
            return viewer;
        }
        let participants = Participants::from(of).with_bookings(bookings.iter().cloned());
        let restricted = self.restrict(actor, vec![viewer], &[participants]).await.pop();
        restricted.unwrap_or(viewer)
    }

    /// Those of the viewers who can send by our rules, as far as the host's policy lets them. `on` are their conversations.
    async fn restrict(&self, actor: &Actor, mut viewers: Vec<Viewer>, on: &[Participants]) -> Vec<Viewer> {
        let Some(policy) = &self.0.policy else {
            return viewers;
        };
        match self.ask_policy(policy.check_send_many(actor, on)).await {
            Ok(rulings) if rulings.len() == on.len() => {
                let senders = viewers.iter_mut().filter(|viewer| viewer.can_send);
                for (viewer, ruling) in senders.zip(rulings) {
                    viewer.can_send = ruling == Ruling::Allow;
                }
            }
            Ok(rulings) => {
                telemetry::host_failed(HostPart::AccessPolicy);
                let (asked, answered) = (on.len(), rulings.len());
                tracing::warn!(
                    asked,
                    answered,
                    "the access policy answered another number of rulings than asked; canSend follows our rules alone"
                );
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "access policy failed; canSend follows our rules alone");
            }
        }
        viewers
    }

    /// A question to the host's policy within its time limit; a failure is counted.
    async fn ask_policy<T>(
        &self,
        question: impl Future<Output = Result<T, HostError>> + Send,
    ) -> Result<T, HostError> {
        self.0.host.require(HostPart::AccessPolicy, question).await
    }

    /// What the policy is told of each of these conversations, with their newest bookings. The bookings are read after the
    /// conversations themselves: a link that was made or removed since has raised the access version, on which the step
    /// is lost.
    async fn participants(&self, of: &[&Conversation]) -> Result<Vec<Participants>, StoreError> {
        let ids: Vec<_> = of.iter().map(|conversation| conversation.id).collect();
        let newest = self
            .store()
            .list_newest_bookings(&ids, Participants::MAX_BOOKINGS);
        let mut linked: HashMap<ConversationId, Vec<BookingId>> = HashMap::with_capacity(of.len());
        for (id, booking) in newest.await? {
            linked.entry(id).or_default().push(booking);
        }
        let participants = of.iter().map(|conversation| {
            let linked = linked.remove(&conversation.id).unwrap_or_default();
            Participants::from(*conversation).with_bookings(linked)
        });
        Ok(participants.collect())
    }

    fn has_policy(&self) -> bool {
        self.0.policy.is_some()
    }
}

/// Decides by our rules alone.
pub(super) fn by_our_rules(
    actor: &Actor,
    action: Action<'_>,
    on: Option<&Conversation>,
    doing: &'static str,
) -> Result<Standing, Error> {
    match policy::decide(actor, action, on) {
        Decision::Allow(standing) => Ok(standing),
        Decision::Refuse(refusal) => Err(Error::refused(refusal, doing)),
    }
}
