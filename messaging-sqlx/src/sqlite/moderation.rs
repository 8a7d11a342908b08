use async_trait::async_trait;
use messaging_core::{
    domain::report::{Complaint, MAX_COMPLAINTS, Remark, Report, ReportFile, Resolution, evidence_range},
    id::{ReportId, UserId},
    store::{FileReport, Filed, ModerationStore, ReportScan, StoreError},
};
use sqlx::{Connection, Error, Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use super::{
    SqliteStore, conversation_rows,
    error::{corrupt, failed},
    history,
    rows::{self, message_columns},
    writer::Step,
};
use crate::codes::{self, limit, number, outcome_code, side_code, status_code};

#[async_trait]
impl ModerationStore for SqliteStore {
    async fn file_report(&self, step: &FileReport) -> Result<Filed, StoreError> {
        self.write(step.clone()).await
    }

    async fn list_reports(&self, scan: &ReportScan) -> Result<Vec<Report>, StoreError> {
        const DOING: &str = "listing reports";
        let mut connection = self.reader(DOING).await?;
        list(&mut connection, scan).await.map_err(failed(DOING))
    }

    async fn find_report(&self, id: ReportId) -> Result<Option<ReportFile>, StoreError> {
        const DOING: &str = "finding a report";
        let mut connection = self.reader(DOING).await?;
        find_file(&mut connection, id).await.map_err(failed(DOING))
    }

    async fn resolve_report(
        &self,
        id: ReportId,
        resolution: &Resolution,
    ) -> Result<Option<Report>, StoreError> {
        self.write(Resolve(id, resolution.clone())).await
    }
}

pub(super) const FIND_OPEN: &str =
    "SELECT id FROM report WHERE conversation_id = ? AND reporter_id = ? AND status = 0";
pub(super) const OPEN: &str = "INSERT INTO report
    (id, conversation_id, reporter_id, reporter_side, reported_id, opened_at) VALUES (?, ?, ?, ?, ?, ?)";
/// Adds a complaint, unless an equal one exists.
pub(super) const ADD_COMPLAINT: &str = "INSERT INTO complaint (report_id, place, about, reason, at)
    SELECT ?1, (SELECT COALESCE(max(place), 0) + 1 FROM complaint WHERE report_id = ?1), ?2, ?3, ?4
    WHERE NOT EXISTS (SELECT 1 FROM complaint WHERE report_id = ?1 AND about = ?2 AND reason = ?3)";
/// Whether a report has room for another complaint, or has this one already.
pub(super) const HAS_ROOM: &str = "SELECT count(*) < ?4 OR COALESCE(max(about = ?2 AND reason = ?3), 0)
    FROM complaint WHERE report_id = ?1";
pub(super) const COPY: &str = "INSERT OR IGNORE INTO evidence
    (report_id, seq, id, from_side, to_sides, sender_id, body, extras, created_at, client_position, agent_position)
    SELECT ?, seq, id, from_side, to_sides, sender_id, body, extras, created_at, client_position, agent_position
    FROM message WHERE conversation_id = ? AND seq BETWEEN ? AND ?";

/// The columns of [`report`], of `report AS r`.
macro_rules! select_reports {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.conversation_id, r.reporter_id, r.reporter_side, r.reported_id, r.opened_at, r.status,
                r.resolved_by, r.resolved_at, r.note FROM report r WHERE ",
            $rest
        )
    };
}
/// Hidden from user `?2`, or from none if that is empty. Every id is smaller than a blob of 17 bytes that
/// starts with 16 bytes of 255.
macro_rules! list_reports {
    ($status:literal) => {
        concat!(
            select_reports!(
                "r.id < COALESCE(?1, x'ffffffffffffffffffffffffffffffffff')
                AND r.reporter_id <> ?2 AND r.reported_id <> ?2"
            ),
            $status,
            " ORDER BY r.id DESC LIMIT ?3"
        )
    };
}
pub(super) const LIST: &str = list_reports!("");
pub(super) const LIST_OF_STATUS: &str = list_reports!(" AND r.status = ?4");
pub(super) const FIND: &str = select_reports!("r.id = ?");
pub(super) const COMPLAINTS: &str =
    "SELECT reason, about, at FROM complaint WHERE report_id = ? ORDER BY place";
pub(super) const EVIDENCE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM (SELECT ?1 AS conversation_id, NULL AS idempotency_key, e.* FROM evidence e WHERE e.report_id = ?2) m
    ORDER BY m.seq"
);
pub(super) const RESOLVE: &str = "UPDATE report
    SET status = ?, resolved_by = ?, resolved_at = ?, note = ? WHERE id = ? AND status = 0";

impl Step for FileReport {
    type Answer = Filed;
    const DOING: &'static str = "filing a report";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<Filed, Error> {
        let Some(conversation) = conversation_rows::find(tx, self.conversation_id).await? else {
            return Ok(Filed::Unknown);
        };
        let about = match self.about {
            None => None,
            Some(id) => match history::find(tx, self.conversation_id, id).await? {
                None => return Ok(Filed::Unknown),
                Some(message) => Some(message.seq),
            },
        };
        let open_already = find_open(tx, &self).await?;
        let id = open_already.unwrap_or(self.id);
        if open_already.is_none() {
            open(tx, &self).await?;
        } else if !has_room(tx, id, about, &self.reason).await? {
            return Ok(Filed::Full(id));
        }
        sqlx::query(ADD_COMPLAINT)
            .bind(id.as_uuid())
            .bind(about.map_or(0, number))
            .bind(self.reason.as_str())
            .bind(self.now.as_millis())
            .execute(&mut *tx)
            .await?;
        let (from, to) = evidence_range(about, conversation.last_seq);
        sqlx::query(COPY)
            .bind(id.as_uuid())
            .bind(self.conversation_id.as_uuid())
            .bind(number(from))
            .bind(number(to))
            .execute(tx)
            .await?;
        Ok(open_already.map_or(Filed::Opened(id), Filed::Added))
    }
}

/// Finds the reporter's open report of the conversation.
async fn find_open(tx: &mut SqliteConnection, step: &FileReport) -> Result<Option<ReportId>, Error> {
    let open = sqlx::query_scalar::<_, Uuid>(FIND_OPEN)
        .bind(step.conversation_id.as_uuid())
        .bind(step.reporter_id.as_str())
        .fetch_optional(tx)
        .await?;
    Ok(open.map(ReportId::new))
}

async fn has_room(
    tx: &mut SqliteConnection,
    id: ReportId,
    about: Option<u64>,
    reason: &Remark,
) -> Result<bool, Error> {
    sqlx::query_scalar(HAS_ROOM)
        .bind(id.as_uuid())
        .bind(about.map_or(0, number))
        .bind(reason.as_str())
        .bind(limit(MAX_COMPLAINTS))
        .fetch_one(tx)
        .await
}

async fn open(tx: &mut SqliteConnection, step: &FileReport) -> Result<(), Error> {
    sqlx::query(OPEN)
        .bind(step.id.as_uuid())
        .bind(step.conversation_id.as_uuid())
        .bind(step.reporter_id.as_str())
        .bind(side_code(step.reporter_side))
        .bind(step.reported_id.as_str())
        .bind(step.now.as_millis())
        .execute(tx)
        .await?;
    Ok(())
}

struct Resolve(ReportId, Resolution);

impl Step for Resolve {
    type Answer = Option<Report>;
    const DOING: &'static str = "resolving a report";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<Option<Report>, Error> {
        let Self(id, resolution) = self;
        sqlx::query(RESOLVE)
            .bind(outcome_code(resolution.outcome))
            .bind(resolution.by.as_str())
            .bind(resolution.at.as_millis())
            .bind(resolution.note.as_ref().map(Remark::as_str))
            .bind(id.as_uuid())
            .execute(&mut *tx)
            .await?;
        find(tx, id).await
    }
}

async fn list(connection: &mut SqliteConnection, scan: &ReportScan) -> Result<Vec<Report>, Error> {
    let mut tx = connection.begin().await?;
    let sql = match scan.status {
        None => LIST,
        Some(_) => LIST_OF_STATUS,
    };
    let mut statement = sqlx::query(sql)
        .bind(scan.before.map(|id| id.as_uuid()))
        .bind(scan.hidden_from.as_ref().map_or("", UserId::as_str))
        .bind(limit(scan.limit));
    if let Some(status) = scan.status {
        statement = statement.bind(status_code(status));
    }
    let found = statement.fetch_all(&mut *tx).await?;
    let mut reports = Vec::with_capacity(found.len());
    for row in &found {
        reports.push(report(&mut tx, row).await?);
    }
    Ok(reports)
}

async fn find_file(connection: &mut SqliteConnection, id: ReportId) -> Result<Option<ReportFile>, Error> {
    let mut tx = connection.begin().await?;
    let Some(report) = find(&mut tx, id).await? else {
        return Ok(None);
    };
    let copied = sqlx::query(EVIDENCE)
        .bind(report.conversation_id.as_uuid())
        .bind(id.as_uuid())
        .fetch_all(&mut *tx)
        .await?;
    let evidence = copied.iter().map(rows::message).collect::<Result<_, _>>()?;
    Ok(Some(ReportFile::new(report, evidence)))
}

async fn find(connection: &mut SqliteConnection, id: ReportId) -> Result<Option<Report>, Error> {
    let found = sqlx::query(FIND)
        .bind(id.as_uuid())
        .fetch_optional(&mut *connection)
        .await?;
    match found {
        Some(row) => report(connection, &row).await.map(Some),
        None => Ok(None),
    }
}

/// Reads a report with its complaints.
async fn report(connection: &mut SqliteConnection, row: &SqliteRow) -> Result<Report, Error> {
    let id: Uuid = row.try_get("id")?;
    let complaints = sqlx::query(COMPLAINTS).bind(id).fetch_all(connection).await?;
    Ok(Report::new(
        ReportId::new(id),
        rows::conversation_id(row)?,
        rows::user_id(row, "reporter_id")?,
        codes::side_of_code(row.try_get("reporter_side")?)
            .ok_or_else(|| corrupt("a stored report has no side"))?,
        rows::user_id(row, "reported_id")?,
        rows::time(row, "opened_at")?,
    )
    .with_complaints(complaints.iter().map(complaint).collect::<Result<_, _>>()?)
    .with_resolution(resolution(row)?))
}

fn complaint(row: &SqliteRow) -> Result<Complaint, Error> {
    Ok(Complaint::new(
        Remark::from_stored(row.try_get("reason")?),
        rows::time(row, "at")?,
    )
    .with_about(codes::about(row.try_get("about")?)))
}

fn resolution(row: &SqliteRow) -> Result<Option<Resolution>, Error> {
    let Some(outcome) = codes::outcome_of_code(row.try_get("status")?) else {
        return Ok(None);
    };
    let note: Option<String> = row.try_get("note")?;
    Ok(Some(
        Resolution::new(
            outcome,
            rows::user_id(row, "resolved_by")?,
            rows::time(row, "resolved_at")?,
        )
        .with_note(note.map(Remark::from_stored)),
    ))
}
