use tracing::instrument;

use super::{Messaging, found};
use crate::{
    actor::Actor,
    domain::{
        page::{PageSize, ReportCursor},
        report::{Outcome, Remark, Report, ReportFile, ReportStatus, Resolution},
    },
    error::{Error, ErrorKind},
    host::directory::{ProfileQuery, Profiles},
    host::rate_limit::Limited,
    id::{Bucket, ConversationId, MessageId, ReportId},
    policy::Action,
    store::{AuditedAction, FileReport, Filed, ReportScan},
    telemetry::{self, ReportOutcome},
};

const REPORTING: &str = "reporting a conversation";
const LISTING: &str = "listing reports";
const SEEING: &str = "reading a report";
const RESOLVING: &str = "resolving a report";

/// How many bytes of complaints and notes a page of reports shows. One report has less, so that each page has some.
const PAGE_BYTES: usize = 256 * 1024;

/// A complaint about a conversation, for the host's staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReport {
    /// Why.
    pub reason: Remark,
    /// The message that it is about; `None` for the whole conversation.
    pub about: Option<MessageId>,
}

/// Where a complaint went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported {
    /// The report.
    pub id: ReportId,
    /// Whether it was opened by this complaint.
    pub created: bool,
}

/// Which reports to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportsRequest {
    /// Only those that stand so; `None` for all.
    pub status: Option<ReportStatus>,
    /// From behind it; `None` from the newest on.
    pub cursor: Option<ReportCursor>,
    /// At most how many.
    pub limit: PageSize,
}

/// A page of reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportList {
    /// The reports, the newest first.
    pub reports: Vec<Report>,
    /// The names of those in them.
    pub profiles: Profiles,
    /// Whether more follow.
    pub has_more: bool,
    /// Where they continue; `None` at the end.
    pub next_cursor: Option<ReportCursor>,
}

/// A report with its evidence, as staff see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportDetails {
    /// The report, and the messages copied.
    pub file: ReportFile,
    /// The names of those in it.
    pub profiles: Profiles,
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

    /// A page of what has been reported, the newest first. For admins, audited; without the reports that they have
    /// a part in. A page ends early, with [`has_more`](ReportList::has_more), before its texts exceed 256 KiB.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) for any other actor; [`Unavailable`](ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id()))]
    pub async fn list_reports(&self, actor: &Actor, request: &ReportsRequest) -> Result<ReportList, Error> {
        self.decide(actor, Action::Moderate(None), None, LISTING).await?;
        self.audit(actor, AuditedAction::ListReports, None).await?;
        let scan = ReportScan {
            status: request.status,
            before: request.cursor.map(ReportCursor::id),
            hidden_from: Some(actor.user_id().clone()),
            limit: request.limit.get() + 1,
        };
        let listed = self.moderation(LISTING)?.list_reports(&scan).await;
        let mut reports = listed.map_err(|error| Error::store(error, LISTING))?;
        let of_page = reports_of_page(&reports, request.limit);
        let has_more = reports.len() > of_page;
        reports.truncate(of_page);
        let query = reports
            .iter()
            .fold(ProfileQuery::default(), ProfileQuery::with_report);
        Ok(ReportList {
            profiles: self.profiles(&query).await,
            next_cursor: reports
                .last()
                .filter(|_| has_more)
                .map(|report| ReportCursor::new(report.id)),
            has_more,
            reports,
        })
    }

    /// One report, with its evidence. For admins who have no part in it; audited.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) for any other actor;
    /// [`NotFound`](ErrorKind::NotFound); [`Unavailable`](ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), report_id = %id))]
    pub async fn find_report(&self, actor: &Actor, id: ReportId) -> Result<ReportDetails, Error> {
        let file = self.file(actor, id, SEEING).await?;
        let of = Some(file.report.conversation_id);
        self.audit(actor, AuditedAction::SeeReport, of).await?;
        Ok(self.details(file).await)
    }

    /// Resolves an open report. For admins who have no part in it; audited. One that is resolved already stays as it is, and is answered so.
    ///
    /// # Errors
    /// As [`find_report`](Self::find_report); [`OutcomeUnknown`](ErrorKind::OutcomeUnknown): repeat it.
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), report_id = %id))]
    pub async fn resolve_report(
        &self,
        actor: &Actor,
        id: ReportId,
        outcome: Outcome,
        note: Option<Remark>,
    ) -> Result<ReportDetails, Error> {
        let mut file = self.file(actor, id, RESOLVING).await?;
        let action = match outcome {
            Outcome::Resolved => AuditedAction::ResolveReport,
            Outcome::Dismissed => AuditedAction::DismissReport,
        };
        self.audit(actor, action, Some(file.report.conversation_id))
            .await?;
        let resolution = Resolution {
            outcome,
            by: actor.user_id().clone(),
            at: self.now(),
            note,
        };
        let report = self.moderation(RESOLVING)?.resolve_report(id, &resolution).await;
        file.report = found(report.map_err(|error| Error::store(error, RESOLVING))?, RESOLVING)?;
        Ok(self.details(file).await)
    }

    /// A report, for an actor who may resolve it.
    async fn file(&self, actor: &Actor, id: ReportId, doing: &'static str) -> Result<ReportFile, Error> {
        self.decide(actor, Action::Moderate(None), None, doing).await?;
        let file = self.moderation(doing)?.find_report(id).await;
        let file = found(file.map_err(|error| Error::store(error, doing))?, doing)?;
        self.decide(actor, Action::Moderate(Some(&file.report)), None, doing)
            .await?;
        Ok(file)
    }

    async fn details(&self, file: ReportFile) -> ReportDetails {
        let mut query = ProfileQuery::default().with_report(&file.report);
        let senders = file.evidence.iter().filter_map(|message| message.origin.sender());
        query.users.extend(senders.cloned());
        ReportDetails {
            profiles: self.profiles(&query).await,
            file,
        }
    }
}

/// How many of these, the newest first, make a page.
fn reports_of_page(reports: &[Report], limit: PageSize) -> usize {
    let sizes = reports.iter().scan(0, |sum, report| {
        *sum += report.text_bytes();
        Some(*sum)
    });
    sizes
        .take(limit.get())
        .take_while(|bytes| *bytes <= PAGE_BYTES)
        .count()
}
