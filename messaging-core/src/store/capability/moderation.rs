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

/// What people report, and what becomes of it. The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait ModerationStore: Send + Sync {
    /// Adds a complaint to the reporter's open report of a conversation, or opens one with it, and copies the
    /// messages that it concerns ([`evidence_range`](crate::domain::report::evidence_range)). What was copied
    /// before stays as it was. A complaint that was made before is not added again, and one more than
    /// [`MAX_COMPLAINTS`](crate::domain::report::MAX_COMPLAINTS) changes nothing, evidence included. Of many at once one
    /// opens the report, and all of them find themselves in it, as long as it has room.
    async fn file_report(&self, step: &FileReport) -> Result<Filed, StoreError>;

    /// Reports, the newest first.
    async fn list_reports(&self, scan: &ReportScan) -> Result<Vec<Report>, StoreError>;

    /// One report, with its evidence.
    async fn find_report(&self, id: ReportId) -> Result<Option<ReportFile>, StoreError>;

    /// Resolves a report that is open, and answers the report as it is then, which another call may have resolved first. `None` when
    /// there is no such report.
    async fn resolve_report(
        &self,
        id: ReportId,
        resolution: &Resolution,
    ) -> Result<Option<Report>, StoreError>;
}

/// A complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileReport {
    /// The id of the report, should it be a new one: a UUIDv7, larger than those before.
    pub id: ReportId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Who reports.
    pub reporter_id: UserId,
    /// On which side they stand.
    pub reporter_side: Side,
    /// Who stands on the other side.
    pub reported_id: UserId,
    /// Why.
    pub reason: Remark,
    /// The message that it is about; `None` for the whole conversation.
    pub about: Option<MessageId>,
    /// When.
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

/// What became of a complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filed {
    /// It opened this report.
    Opened(ReportId),
    /// It is in this report, which was open.
    Added(ReportId),
    /// This report is open and holds as many complaints as it may; nothing was changed.
    Full(ReportId),
    /// The conversation is not there, or has no such message.
    Unknown,
}

/// Which reports to list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportScan {
    /// Only those that stand so; `None` for all.
    pub status: Option<ReportStatus>,
    /// From behind this one on; `None` from the newest on.
    pub before: Option<ReportId>,
    /// Without those that this user has a part in; `None` hides none.
    pub hidden_from: Option<UserId>,
    /// At most how many.
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
