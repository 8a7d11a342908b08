//! JSON form of reports.

use messaging_core::{
    ConversationId, Side, Timestamp,
    admin::ReportDetails,
    domain::report::{Complaint, Report, ReportStatus, Resolution},
    event::MessagePayload,
    host::directory::Profiles,
    id::ReportId,
    participant::Reported,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::PersonPayload;

/// The response to the reporter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reported)]
pub(crate) struct ReportedPayload {
    /// The id of the report.
    id: ReportId,
}

/// A report without its evidence.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Report)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportPayload {
    id: ReportId,
    conversation_id: ConversationId,
    #[schema(value_type = ReportStatus)]
    status: &'static str,
    reporter: PersonPayload,
    /// The side of the reporter.
    reporter_side: Side,
    /// The user on the other side when the report was opened.
    reported: PersonPayload,
    opened_at: Timestamp,
    /// The reporter's complaints, oldest first; empty after the reporter's erasure.
    #[schema(max_items = 20)]
    complaints: Vec<ComplaintPayload>,
    /// The resolution; null while the report is open.
    #[schema(required)]
    settled: Option<ResolutionPayload>,
}

/// A report with its evidence.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReportFile)]
pub(crate) struct ReportFilePayload {
    #[serde(flatten)]
    report: ReportPayload,
    /// Copies of the messages around the reported ones, as they were at that time; oldest first.
    evidence: Vec<MessagePayload>,
}

/// One complaint of a reporter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Complaint)]
#[serde(rename_all = "camelCase")]
struct ComplaintPayload {
    #[schema(examples("This is not what was agreed."))]
    reason: String,
    /// The `seq` of the reported message; null for the whole conversation.
    #[schema(required)]
    seq: Option<u64>,
    created_at: Timestamp,
}

/// The resolution of a report.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Resolution)]
struct ResolutionPayload {
    /// The admin who resolved or dismissed the report.
    by: PersonPayload,
    at: Timestamp,
    /// The admin's note.
    #[schema(required)]
    note: Option<String>,
}

impl From<Reported> for ReportedPayload {
    fn from(reported: Reported) -> Self {
        Self { id: reported.id }
    }
}

impl ReportPayload {
    pub(crate) fn new(report: Report, profiles: &Profiles) -> Self {
        let person = |id| PersonPayload::from_profiles(profiles, id);
        Self {
            status: report.status().name(),
            id: report.id,
            conversation_id: report.conversation_id,
            reporter: person(report.reporter_id),
            reporter_side: report.reporter_side,
            reported: person(report.reported_id),
            opened_at: report.opened_at,
            complaints: report.complaints.into_iter().map(Into::into).collect(),
            settled: report
                .resolution
                .map(|Resolution { by, at, note, .. }| ResolutionPayload {
                    by: person(by),
                    at,
                    note: note.map(|note| note.as_str().to_owned()),
                }),
        }
    }
}

impl From<ReportDetails> for ReportFilePayload {
    fn from(ReportDetails { file, profiles, .. }: ReportDetails) -> Self {
        let shown = |message| MessagePayload::new(message, |id| profiles.user(id), None);
        Self {
            evidence: file.evidence.iter().map(shown).collect(),
            report: ReportPayload::new(file.report, &profiles),
        }
    }
}

impl From<Complaint> for ComplaintPayload {
    fn from(complaint: Complaint) -> Self {
        Self {
            reason: complaint.reason.as_str().to_owned(),
            seq: complaint.about,
            created_at: complaint.at,
        }
    }
}
