//! A report: a user's complaints about a conversation, the evidence, and the resolution.
//!
//! Each side has at most one open report of a conversation: a further report adds a complaint to it. Each complaint
//! copies the messages around the reported one, as they are at that time: evidence that later changes of the
//! conversation do not affect.

use std::fmt;

use crate::{
    domain::{
        body::{Body, InvalidBody},
        message::Message,
        side::Side,
    },
    id::{ConversationId, ReportId, UserId},
    time::Timestamp,
    with::with,
};

/// How many messages before and after the reported one are copied as evidence.
pub const EVIDENCE_AROUND: u64 = 15;

/// How many of the newest messages are copied if no message is named.
pub const EVIDENCE_NEWEST: u64 = 2 * EVIDENCE_AROUND + 1;

/// The maximum number of characters (Unicode scalar values) of a remark.
pub const MAX_REMARK_CHARS: usize = 1_000;

/// The maximum number of complaints in one report; enough for the staff to act on.
pub const MAX_COMPLAINTS: usize = 20;

/// The reason of a complaint, or a note of staff: 1 to 1,000 characters, normalised as a [`Body`] is.
#[derive(Clone, PartialEq, Eq)]
pub struct Remark(Body);

/// The text cannot be a remark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRemark {
    /// The text has no visible character.
    #[error("must contain at least one visible character")]
    Invisible,
    /// The text has more than 1,000 characters after normalisation.
    #[error("must be at most {MAX_REMARK_CHARS} characters long, but is {chars}")]
    TooLong {
        /// The number of characters.
        chars: usize,
    },
}

impl Remark {
    /// Normalises a text.
    ///
    /// # Errors
    /// [`InvalidRemark`] if the result has no visible character or more than 1,000 characters.
    pub fn parse(text: &str) -> Result<Self, InvalidRemark> {
        let body = Body::parse(text).map_err(|invalid| match invalid {
            InvalidBody::Invisible => InvalidRemark::Invisible,
            InvalidBody::TooLong { chars } => InvalidRemark::TooLong { chars },
        })?;
        match body.stored_text().chars().count() {
            0..=MAX_REMARK_CHARS => Ok(Self(body)),
            chars => Err(InvalidRemark::TooLong { chars }),
        }
    }

    /// Wraps a remark from a store. It is not checked again.
    pub fn from_stored(text: String) -> Self {
        Self(Body::from_stored(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.stored_text()
    }
}

impl fmt::Debug for Remark {
    /// Shows the length only, so that no log contains the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remark({} bytes)", self.as_str().len())
    }
}

/// The report accepts no more complaints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the report holds {MAX_COMPLAINTS} complaints already")]
pub struct ReportFull;

/// A user's complaints about a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Its id.
    pub id: ReportId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The reporter.
    pub reporter_id: UserId,
    /// The side of the reporter.
    pub reporter_side: Side,
    /// The user on the other side when the report was opened.
    pub reported_id: UserId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The reporter's complaints, the oldest first; 1 to [`MAX_COMPLAINTS`]. Empty once the reporter has been
    /// [erased](crate::Operations::erase_user).
    pub complaints: Vec<Complaint>,
    /// The resolution; `None` while the report is open.
    pub resolution: Option<Resolution>,
}

impl Report {
    /// An open report without complaints.
    #[expect(clippy::similar_names, reason = "the two users of a report")]
    pub fn new(
        id: ReportId,
        conversation_id: ConversationId,
        reporter_id: UserId,
        reporter_side: Side,
        reported_id: UserId,
        opened_at: Timestamp,
    ) -> Self {
        Self {
            id,
            conversation_id,
            reporter_id,
            reporter_side,
            reported_id,
            opened_at,
            complaints: Vec::new(),
            resolution: None,
        }
    }

    with! {
        with_complaints complaints: Vec<Complaint>,
        with_resolution resolution: Option<Resolution>,
    }
}

/// One complaint of a reporter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Complaint {
    /// The reason.
    pub reason: Remark,
    /// The seq of the reported message; `None` for the whole conversation.
    pub about: Option<u64>,
    /// The time of the complaint.
    pub at: Timestamp,
}

impl Complaint {
    /// A complaint about the conversation.
    pub fn new(reason: Remark, at: Timestamp) -> Self {
        Self {
            reason,
            about: None,
            at,
        }
    }

    with! {
        with_about about: Option<u64>,
    }
}

/// The resolution of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolution {
    /// Whether the report was resolved or dismissed.
    pub outcome: Outcome,
    /// The admin who resolved or dismissed it.
    pub by: UserId,
    /// The time of the resolution.
    pub at: Timestamp,
    /// The admin's note.
    pub note: Option<Remark>,
}

impl Resolution {
    /// A resolution without a note.
    pub fn new(outcome: Outcome, by: UserId, at: Timestamp) -> Self {
        Self {
            outcome,
            by,
            at,
            note: None,
        }
    }

    with! {
        with_note note: Option<Remark>,
    }
}

/// The outcome of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The report was acted upon.
    Resolved,
    /// The report needed no action.
    Dismissed,
}

/// The status of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportStatus {
    /// No admin has resolved or dismissed the report yet.
    Open,
    /// The report was resolved or dismissed.
    Closed(Outcome),
}

impl ReportStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [
        Self::Open,
        Self::Closed(Outcome::Resolved),
        Self::Closed(Outcome::Dismissed),
    ];

    /// The status's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed(Outcome::Resolved) => "resolved",
            Self::Closed(Outcome::Dismissed) => "dismissed",
        }
    }

    /// The status with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl Report {
    /// The status of the report.
    pub fn status(&self) -> ReportStatus {
        match &self.resolution {
            None => ReportStatus::Open,
            Some(resolution) => ReportStatus::Closed(resolution.outcome),
        }
    }

    /// Whether a user made the report or is its subject.
    pub fn concerns(&self, user: &UserId) -> bool {
        self.reporter_id == *user || self.reported_id == *user
    }

    /// Adds a complaint, unless the report already has an equal one.
    ///
    /// # Errors
    /// [`ReportFull`] if the report has [`MAX_COMPLAINTS`], none of which equals this one.
    pub fn complain(&mut self, complaint: Complaint) -> Result<(), ReportFull> {
        let is_repeated = self
            .complaints
            .iter()
            .any(|said| said.reason == complaint.reason && said.about == complaint.about);
        if is_repeated {
            return Ok(());
        }
        if self.complaints.len() >= MAX_COMPLAINTS {
            return Err(ReportFull);
        }
        self.complaints.push(complaint);
        Ok(())
    }

    /// The total size of its complaints and its note, in bytes of text.
    pub fn text_bytes(&self) -> usize {
        let complaints = self.complaints.iter().map(|complaint| &complaint.reason);
        let note = self
            .resolution
            .iter()
            .filter_map(|resolution| resolution.note.as_ref());
        complaints.chain(note).map(|remark| remark.as_str().len()).sum()
    }
}

/// A report with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportFile {
    /// The report.
    pub report: Report,
    /// The copied messages, each once, in the order of their seqs; without idempotency keys.
    pub evidence: Vec<Message>,
}

impl ReportFile {
    /// A report with its evidence.
    pub fn new(report: Report, evidence: Vec<Message>) -> Self {
        Self { report, evidence }
    }
}

/// The range of seqs to copy as evidence, both ends included, of a conversation with that many messages.
pub fn evidence_range(about: Option<u64>, last_seq: u64) -> (u64, u64) {
    match about {
        Some(seq) => (
            seq.saturating_sub(EVIDENCE_AROUND),
            seq.saturating_add(EVIDENCE_AROUND),
        ),
        None => ((last_seq + 1).saturating_sub(EVIDENCE_NEWEST), last_seq),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_1_to_1_000_characters_and_normalised() {
        assert_eq!(Remark::parse(" rude\r\n").unwrap().as_str(), "rude");
        assert!(Remark::parse(&"é".repeat(1_000)).is_ok());
        let too_long = |chars| Err(InvalidRemark::TooLong { chars });
        assert_eq!(Remark::parse(&"é".repeat(1_001)), too_long(1_001));
        assert_eq!(Remark::parse(&"é".repeat(2_001)), too_long(2_001));
        assert_eq!(Remark::parse(" \u{200b}\n"), Err(InvalidRemark::Invisible));
        assert_eq!(
            format!("{:?}", Remark::parse("secret").unwrap()),
            "Remark(6 bytes)"
        );
    }

    #[test]
    fn a_status_round_trips_through_its_name() {
        for status in ReportStatus::ALL {
            assert_eq!(ReportStatus::from_name(status.name()), Some(status));
        }
        assert_eq!(ReportStatus::from_name("Open"), None);
    }

    #[test]
    fn evidence_surrounds_the_message_or_is_the_newest() {
        assert_eq!(evidence_range(Some(40), 100), (25, 55));
        assert_eq!(evidence_range(Some(3), 100), (0, 18));
        assert_eq!(evidence_range(None, 100), (70, 100));
        assert_eq!(evidence_range(None, 5), (0, 5));
        assert_eq!(evidence_range(None, 0), (0, 0));
        assert_eq!(evidence_range(Some(u64::MAX), 1), (u64::MAX - 15, u64::MAX));
    }
}
