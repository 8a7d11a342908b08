use async_trait::async_trait;

use crate::{
    domain::{
        report::{Remark, Report, ReportFile, ReportStatus, Resolution},
        side::Side,
    },
    id::{ConversationId, MessageId, ReportId, UserId},
    store::StoreError,
    time::Timestamp,
    with::with,
};

/// Reports and their resolutions. The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait ModerationStore: Send + Sync {
    /// Adds a complaint to the reporter's open report of a conversation, or opens a report with it, and copies the
    /// messages around the reported one as evidence ([`evidence_range`](crate::domain::report::evidence_range)).
    /// Earlier copies stay unchanged. A complaint that equals an earlier one is not added again. A complaint beyond
    /// [`MAX_COMPLAINTS`](crate::domain::report::MAX_COMPLAINTS) changes nothing, evidence included. Of concurrent
    /// complaints one opens the report, and all are added to it up to the maximum.
    async fn file_report(&self, step: &FileReport) -> Result<Filed, StoreError>;

    /// Lists reports, newest first.
    async fn list_reports(&self, scan: &ReportScan) -> Result<Vec<Report>, StoreError>;

    /// Finds a report with its evidence.
    async fn find_report(&self, id: ReportId) -> Result<Option<ReportFile>, StoreError>;

    /// Resolves a report if it is open, and returns the report as it is then; a concurrent call may have resolved it
    /// first. `None` for an unknown report.
    async fn resolve_report(
        &self,
        id: ReportId,
        resolution: &Resolution,
    ) -> Result<Option<Report>, StoreError>;
}

/// A complaint to store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileReport {
    /// The id of the report if the complaint opens one: a UUIDv7, larger than the ids of earlier reports.
    pub id: ReportId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The reporter.
    pub reporter_id: UserId,
    /// The side of the reporter.
    pub reporter_side: Side,
    /// The user on the other side.
    pub reported_id: UserId,
    /// The reason.
    pub reason: Remark,
    /// The reported message; `None` for the whole conversation.
    pub about: Option<MessageId>,
    /// The time of the complaint.
    pub now: Timestamp,
}

impl FileReport {
    /// A complaint about the conversation.
    #[expect(clippy::similar_names, reason = "the two users of a report")]
    pub fn new(
        id: ReportId,
        conversation_id: ConversationId,
        reporter_id: UserId,
        reporter_side: Side,
        reported_id: UserId,
        reason: Remark,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            conversation_id,
            reporter_id,
            reporter_side,
            reported_id,
            reason,
            about: None,
            now,
        }
    }

    with! {
        with_conversation_id conversation_id: ConversationId,
        with_reporter_id reporter_id: UserId,
        with_reporter_side reporter_side: Side,
        with_reported_id reported_id: UserId,
        with_reason reason: Remark,
        with_about about: Option<MessageId>,
    }
}

/// The outcome of a complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filed {
    /// The complaint opened this report.
    Opened(ReportId),
    /// The open report has the complaint.
    Added(ReportId),
    /// The open report has the maximum number of complaints; nothing was changed.
    Full(ReportId),
    /// The conversation does not exist, or has no such message.
    Unknown,
}

/// The reports to list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportScan {
    /// The status of the reports; `None` for any.
    pub status: Option<ReportStatus>,
    /// The report before the page; `None` to start with the newest.
    pub before: Option<ReportId>,
    /// Leaves out reports that this user made or is the subject of; `None` leaves none out.
    pub hidden_from: Option<UserId>,
    /// The maximum number of reports.
    pub limit: usize,
}

impl ReportScan {
    /// A scan of the newest reports, whatever their status, hidden from no one.
    pub fn new(limit: usize) -> Self {
        Self {
            status: None,
            before: None,
            hidden_from: None,
            limit,
        }
    }

    with! {
        with_status status: Option<ReportStatus>,
        with_before before: Option<ReportId>,
        with_hidden_from hidden_from: Option<UserId>,
    }
}
