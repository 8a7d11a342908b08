//! A report, as staff see it.

use messaging_core::{
    ConversationId, ReportDetails, ReportId, Reported, Side, Timestamp,
    domain::report::{Complaint, Report, ReportStatus, Resolution},
    event::MessagePayload,
    host::directory::Profiles,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::PersonPayload;

/// What the reporter is answered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reported)]
pub(crate) struct ReportedPayload {
    /// The report's.
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
    /// On which side the reporter stands.
    reporter_side: Side,
    /// Who stood on the other side when it was opened.
    reported: PersonPayload,
    opened_at: Timestamp,
    /// What the reporter said, the oldest first; none once they were erased.
    #[schema(max_items = 20)]
    complaints: Vec<ComplaintPayload>,
    /// What became of it; null while it is open.
    #[schema(required)]
    settled: Option<ResolutionPayload>,
}

/// A report with the messages that were copied.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReportFile)]
pub(crate) struct ReportFilePayload {
    #[serde(flatten)]
    report: ReportPayload,
    /// The messages around those complained of, as they were then; the oldest first.
    evidence: Vec<MessagePayload>,
}

/// What a reporter said, once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Complaint)]
#[serde(rename_all = "camelCase")]
struct ComplaintPayload {
    #[schema(examples("This is not what was agreed."))]
    reason: String,
    /// The seq of the message that it is about; null for the whole conversation.
    #[schema(required)]
    seq: Option<u64>,
    created_at: Timestamp,
}

/// What became of a report.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Resolution)]
struct ResolutionPayload {
    /// The admin who resolved it.
    by: PersonPayload,
    at: Timestamp,
    /// What they noted.
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
        let person = |id| PersonPayload::among(profiles, id);
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
    fn from(ReportDetails { file, profiles }: ReportDetails) -> Self {
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
