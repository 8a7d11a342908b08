use std::collections::BTreeMap;

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    domain::{
        erasure::erased_user,
        message::Message,
        report::{Complaint, Report, ReportFile, ReportFull, Resolution, evidence_range},
    },
    id::{ReportId, UserId},
    store::{FileReport, Filed, ModerationStore, ReportScan, StoreError},
};

/// A report with copies of messages by their seqs.
#[derive(Debug)]
pub(super) struct Filing {
    report: Report,
    evidence: BTreeMap<u64, Message>,
}

#[async_trait]
impl ModerationStore for MemoryStore {
    async fn file_report(&self, step: &FileReport) -> Result<Filed, StoreError> {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(thread) = state.threads.get(&step.conversation_id) else {
            return Ok(Filed::Unknown);
        };
        let about = match step.about {
            None => None,
            Some(id) => match thread.messages.iter().find(|message| message.id == id) {
                None => return Ok(Filed::Unknown),
                Some(message) => Some(message.seq),
            },
        };
        let is_theirs = |filing: &&mut Filing| {
            let report = &filing.report;
            report.conversation_id == step.conversation_id
                && report.reporter_id == step.reporter_id
                && report.resolution.is_none()
        };
        let open = state.reports.values_mut().find(is_theirs);
        let open = open.map(|filing| filing.report.id);
        let filing = state
            .reports
            .entry(open.unwrap_or(step.id))
            .or_insert_with(|| Filing::of(step));
        let complained = filing.report.complain(Complaint {
            reason: step.reason.clone(),
            about,
            at: step.now,
        });
        if let Err(ReportFull) = complained {
            return Ok(Filed::Full(filing.report.id));
        }
        let (from, to) = evidence_range(about, thread.conversation.last_seq);
        for message in &thread.messages {
            if (from..=to).contains(&message.seq) {
                let copy = Message {
                    idempotency_key: None,
                    ..message.clone()
                };
                filing.evidence.entry(message.seq).or_insert(copy);
            }
        }
        Ok(open.map_or(Filed::Opened(step.id), Filed::Added))
    }

    async fn list_reports(&self, scan: &ReportScan) -> Result<Vec<Report>, StoreError> {
        let state = self.lock();
        let reports = state.reports.values().rev().map(|filing| &filing.report);
        let asked = reports
            .filter(|report| scan.before.is_none_or(|before| report.id < before))
            .filter(|report| {
                !scan
                    .hidden_from
                    .as_ref()
                    .is_some_and(|user| report.concerns(user))
            })
            .filter(|report| scan.status.is_none_or(|status| report.status() == status));
        Ok(asked.take(scan.limit).cloned().collect())
    }

    async fn find_report(&self, id: ReportId) -> Result<Option<ReportFile>, StoreError> {
        let state = self.lock();
        Ok(state.reports.get(&id).map(|filing| ReportFile {
            report: filing.report.clone(),
            evidence: filing.evidence.values().cloned().collect(),
        }))
    }

    async fn resolve_report(
        &self,
        id: ReportId,
        resolution: &Resolution,
    ) -> Result<Option<Report>, StoreError> {
        let mut state = self.lock();
        Ok(state.reports.get_mut(&id).map(|filing| {
            filing.report.resolution.get_or_insert_with(|| resolution.clone());
            filing.report.clone()
        }))
    }
}

impl Filing {
    /// Whether a user made the report, is its subject, or wrote one of the copied messages.
    pub(super) fn has(&self, user: &UserId) -> bool {
        let mut senders = self.evidence.values().map(|message| message.origin.sender());
        self.report.concerns(user) || senders.any(|sender| sender == Some(user))
    }

    pub(super) fn is_open(&self) -> bool {
        self.report.resolution.is_none()
    }

    /// Replaces a user by the erased users of the conversation.
    pub(super) fn erase(&mut self, user: &UserId) {
        let (of, report) = (self.report.conversation_id, &mut self.report);
        if report.reporter_id == *user {
            report.reporter_id = erased_user(of, report.reporter_side);
            report.complaints.clear();
        }
        if report.reported_id == *user {
            report.reported_id = erased_user(of, report.reporter_side.other());
        }
        for message in self.evidence.values_mut() {
            message.erase(user);
        }
    }

    fn of(step: &FileReport) -> Self {
        Self {
            report: Report {
                id: step.id,
                conversation_id: step.conversation_id,
                reporter_id: step.reporter_id.clone(),
                reporter_side: step.reporter_side,
                reported_id: step.reported_id.clone(),
                opened_at: step.now,
                complaints: Vec::new(),
                resolution: None,
            },
            evidence: BTreeMap::new(),
        }
    }
}
