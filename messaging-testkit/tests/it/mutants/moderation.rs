//! Faults of a store in reports.

use async_trait::async_trait;
use messaging_core::{
    domain::report::{Report, ReportFile, Resolution},
    id::ReportId,
    store::{FileReport, Filed, ModerationStore, ReportScan, StoreError},
};

use crate::mutants::broken::{Broken, Fault};

#[async_trait]
impl ModerationStore for Broken {
    async fn file_report(&self, step: &FileReport) -> Result<Filed, StoreError> {
        let mut step = step.clone();
        if self.has(Fault::ReportsMessagesOfOthers) && self.inner.file_report(&step).await? == Filed::Unknown
        {
            step.about = None;
        }
        let filed = self.inner.file_report(&step).await?;
        Ok(match filed {
            Filed::Full(id) if self.has(Fault::ReportsAFullReportAsExtended) => Filed::Added(id),
            Filed::Added(_) if self.has(Fault::ReportsEveryComplaintAsOpened) => Filed::Opened(step.id),
            filed => filed,
        })
    }

    async fn list_reports(&self, scan: &ReportScan) -> Result<Vec<Report>, StoreError> {
        let mut scan = scan.clone();
        if self.has(Fault::ListsReportsToTheirParties) {
            scan.hidden_from = None;
        }
        if self.has(Fault::IgnoresTheStatusOfReports) {
            scan.status = None;
        }
        self.inner.list_reports(&scan).await
    }

    async fn find_report(&self, id: ReportId) -> Result<Option<ReportFile>, StoreError> {
        let mut file = self.inner.find_report(id).await?;
        if let Some(file) = &mut file {
            if self.has(Fault::CopiesTooFewMessages) {
                file.evidence.truncate(30);
            }
            if self.has(Fault::LosesTheFirstComplaint) && file.report.complaints.len() > 1 {
                file.report.complaints.remove(0);
            }
        }
        Ok(file)
    }

    async fn resolve_report(
        &self,
        id: ReportId,
        resolution: &Resolution,
    ) -> Result<Option<Report>, StoreError> {
        let mut report = self.inner.resolve_report(id, resolution).await?;
        if let Some(report) = &mut report
            && self.has(Fault::ResolvesTwice)
        {
            report.resolution = Some(resolution.clone());
        }
        Ok(report)
    }
}
