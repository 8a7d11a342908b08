use tracing::instrument;

use super::Admin;
use crate::{
    domain::{
        cursor::ReportCursor,
        page::PageSize,
        report::{Outcome, Remark, Report, ReportFile, ReportStatus, Resolution},
    },
    error::Error,
    host::directory::{ProfileQuery, Profiles},
    id::ReportId,
    policy::Action,
    store::{AuditedAction, ReportScan},
    use_case::found,
};

const LISTING: &str = "listing reports";
const SEEING: &str = "reading a report";
const RESOLVING: &str = "resolving a report";

/// How many bytes of complaints and notes a page of reports shows. One report has less, so that each page has some.
const PAGE_BYTES: usize = 256 * 1024;

/// Which reports to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportsRequest {
    /// The status of the reports. Default: `None`, any.
    pub status: Option<ReportStatus>,
    /// The cursor after which the page begins. Default: `None`, with the newest report.
    pub cursor: Option<ReportCursor>,
    /// The maximum number of reports. Default: [`PageSize::LIST`].
    pub limit: PageSize,
}

impl ReportsRequest {
    /// The newest reports.
    pub const fn newest() -> Self {
        Self {
            status: None,
            cursor: None,
            limit: PageSize::LIST,
        }
    }

    /// Only reports with this status.
    pub fn with_status(self, status: impl Into<Option<ReportStatus>>) -> Self {
        Self {
            status: status.into(),
            ..self
        }
    }

    /// Only reports after this cursor.
    pub fn after(self, cursor: impl Into<Option<ReportCursor>>) -> Self {
        Self {
            cursor: cursor.into(),
            ..self
        }
    }

    /// At most so many reports.
    pub const fn with_limit(self, limit: PageSize) -> Self {
        Self { limit, ..self }
    }
}

/// A page of reports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct ReportDetails {
    /// The report, and the messages copied.
    pub file: ReportFile,
    /// The names of those in it.
    pub profiles: Profiles,
}

impl Admin<'_> {
    /// A page of what has been reported, the newest first. For admins, audited; without the reports that they have
    /// a part in. A page ends early, with [`has_more`](ReportList::has_more), before its texts exceed 256 KiB.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for any other actor; [`Unavailable`](crate::ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %self.actor.user_id()))]
    pub async fn list_reports(self, request: &ReportsRequest) -> Result<ReportList, Error> {
        self.messaging
            .decide(self.actor, Action::Moderate(None), None, LISTING)
            .await?;
        self.messaging
            .audit(self.actor, AuditedAction::ListReports, None)
            .await?;
        let scan = ReportScan {
            status: request.status,
            before: request.cursor.map(ReportCursor::id),
            hidden_from: Some(self.actor.user_id().clone()),
            limit: request.limit.get() + 1,
        };
        let listed = self.messaging.moderation(LISTING)?.list_reports(&scan).await;
        let mut reports = listed.map_err(|error| Error::store(error, LISTING))?;
        let of_page = reports_of_page(&reports, request.limit);
        let has_more = reports.len() > of_page;
        reports.truncate(of_page);
        let query = reports
            .iter()
            .fold(ProfileQuery::default(), ProfileQuery::with_report);
        Ok(ReportList {
            profiles: self.messaging.profiles(&query).await,
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
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for any other actor;
    /// [`NotFound`](crate::ErrorKind::NotFound); [`Unavailable`](crate::ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %self.actor.user_id(), report_id = %id))]
    pub async fn find_report(self, id: ReportId) -> Result<ReportDetails, Error> {
        let file = self.file(id, SEEING).await?;
        let of = Some(file.report.conversation_id);
        self.messaging
            .audit(self.actor, AuditedAction::SeeReport, of)
            .await?;
        Ok(self.details(file).await)
    }

    /// Resolves an open report. For admins who have no part in it; audited. One that is resolved already stays as it is, and is answered so.
    ///
    /// # Errors
    /// As [`find_report`](Self::find_report); [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): repeat it.
    #[instrument(level = "debug", skip_all, fields(user_id = %self.actor.user_id(), report_id = %id))]
    pub async fn resolve_report(
        self,
        id: ReportId,
        outcome: Outcome,
        note: Option<Remark>,
    ) -> Result<ReportDetails, Error> {
        let mut file = self.file(id, RESOLVING).await?;
        let action = match outcome {
            Outcome::Resolved => AuditedAction::ResolveReport,
            Outcome::Dismissed => AuditedAction::DismissReport,
        };
        self.messaging
            .audit(self.actor, action, Some(file.report.conversation_id))
            .await?;
        let resolution = Resolution {
            outcome,
            by: self.actor.user_id().clone(),
            at: self.messaging.now(),
            note,
        };
        let report = self
            .messaging
            .moderation(RESOLVING)?
            .resolve_report(id, &resolution)
            .await;
        file.report = found(report.map_err(|error| Error::store(error, RESOLVING))?, RESOLVING)?;
        Ok(self.details(file).await)
    }

    /// A report, for an actor who may resolve it.
    async fn file(self, id: ReportId, doing: &'static str) -> Result<ReportFile, Error> {
        self.messaging
            .decide(self.actor, Action::Moderate(None), None, doing)
            .await?;
        let file = self.messaging.moderation(doing)?.find_report(id).await;
        let file = found(file.map_err(|error| Error::store(error, doing))?, doing)?;
        self.messaging
            .decide(self.actor, Action::Moderate(Some(&file.report)), None, doing)
            .await?;
        Ok(file)
    }

    async fn details(self, file: ReportFile) -> ReportDetails {
        let mut query = ProfileQuery::default().with_report(&file.report);
        let senders = file.evidence.iter().filter_map(|message| message.origin.sender());
        query.users.extend(senders.cloned());
        ReportDetails {
            profiles: self.messaging.profiles(&query).await,
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
