use tracing::instrument;

use crate::{
    actor::Actor,
    domain::report::Remark,
    error::{Error, ErrorKind},
    host::rate_limit::Limited,
    id::{Bucket, ConversationId, MessageId, ReportId},
    policy::Action,
    store::{FileReport, Filed},
    telemetry::{self, ReportOutcome},
    use_case::Messaging,
};

const REPORTING: &str = "reporting a conversation";

/// A complaint about a conversation, for the host's staff.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewReport {
    /// The reason.
    pub reason: Remark,
    /// The message that it is about. Default: `None`, the whole conversation.
    pub about: Option<MessageId>,
}

impl NewReport {
    /// A complaint about the whole conversation.
    pub const fn new(reason: Remark) -> Self {
        Self { reason, about: None }
    }

    /// About one message.
    pub fn with_message(self, id: impl Into<Option<MessageId>>) -> Self {
        Self {
            about: id.into(),
            ..self
        }
    }
}

/// Where a complaint went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reported {
    /// The report.
    pub id: ReportId,
    /// Whether it was opened by this complaint.
    pub created: bool,
}

impl Messaging {
    /// Tells the staff about a conversation, with a copy of what it is about. The other side is not told. Reporting
    /// again adds to what is open.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound), also for a message of another conversation;
    /// [`Forbidden`](ErrorKind::Forbidden) for an admin who takes no part, and where the host's policy refuses;
    /// [`ReportFull`](ErrorKind::ReportFull): staff have enough to look into; [`RateLimited`](ErrorKind::RateLimited);
    /// [`Unavailable`](ErrorKind::Unavailable); [`OutcomeUnknown`](ErrorKind::OutcomeUnknown): repeat it, which is the same
    /// complaint.
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), %conversation_id))]
    pub async fn report(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        report: &NewReport,
    ) -> Result<Reported, Error> {
        self.admit(actor, Limited::Report, REPORTING).await?;
        let conversation = self.stored(conversation_id, REPORTING).await?;
        let standing = self
            .decide(actor, Action::Report, conversation.as_ref(), REPORTING)
            .await?;
        let (Some(side), Some(conversation)) = (standing.side(), conversation) else {
            return Err(Error::new(ErrorKind::Internal, REPORTING));
        };
        let now = self.now();
        // The conversation's, and not its client's anew: an erased client has another id.
        let bucket = Bucket::of_id(conversation_id.as_uuid());
        let step = FileReport {
            id: ReportId::new(bucket.put_in(self.0.ids.new_id(now))),
            conversation_id,
            reporter_id: actor.user_id().clone(),
            reporter_side: side,
            reported_id: conversation.user(side.other()).clone(),
            reason: report.reason.clone(),
            about: report.about,
            now,
        };
        let filed = self.moderation(REPORTING)?.file_report(&step).await;
        let (id, outcome) = match filed.map_err(|error| Error::store(error, REPORTING))? {
            Filed::Opened(id) => (id, ReportOutcome::Opened),
            Filed::Added(id) => (id, ReportOutcome::Added),
            Filed::Full(_) => return Err(Error::new(ErrorKind::ReportFull, REPORTING)),
            Filed::Unknown => return Err(Error::new(ErrorKind::NotFound, REPORTING)),
        };
        telemetry::reported(outcome);
        Ok(Reported {
            id,
            created: outcome == ReportOutcome::Opened,
        })
    }
}
