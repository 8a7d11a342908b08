use async_trait::async_trait;
use messaging_core::{
    domain::report::{
        Complaint, EVIDENCE_AROUND, EVIDENCE_NEWEST, MAX_COMPLAINTS, Remark, Report, ReportFile, Resolution,
    },
    id::{ReportId, UserId},
    store::{FileReport, Filed, ModerationStore, ReportScan, StoreError},
    time::Timestamp,
};
use sqlx::{
    Error, Row,
    postgres::PgRow,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use super::{
    PgStore,
    error::{corrupt, failed},
    rows::{self, instant, message_columns},
};
use crate::codes::{self, limit, number, outcome_code, side_code, status_code};

#[async_trait]
impl ModerationStore for PgStore {
    async fn file_report(&self, step: &FileReport) -> Result<Filed, StoreError> {
        const DOING: &str = "filing a report";
        let statement = sqlx::query(self.0.statements.file_report.clone())
            .bind(step.id.as_uuid())
            .bind(step.conversation_id.as_uuid())
            .bind(step.reporter_id.as_str())
            .bind(side_code(step.reporter_side))
            .bind(step.reported_id.as_str())
            .bind(instant(step.now))
            .bind(step.about.map(|id| id.as_uuid()))
            .bind(step.reason.as_str())
            .bind(number(EVIDENCE_AROUND))
            .bind(number(EVIDENCE_NEWEST))
            .bind(limit(MAX_COMPLAINTS));
        let answered = self.write(DOING, statement).await?;
        let Some(row) = answered.first() else {
            return Ok(Filed::Unknown);
        };
        let id = row.try_get("id").map(ReportId::new).map_err(failed(DOING))?;
        let is_filed: bool = row.try_get("is_filed").map_err(failed(DOING))?;
        Ok(match is_filed {
            true if id == step.id => Filed::Opened(id),
            true => Filed::Added(id),
            false => Filed::Full(id),
        })
    }

    async fn list_reports(&self, scan: &ReportScan) -> Result<Vec<Report>, StoreError> {
        const DOING: &str = "listing reports";
        let statements = &self.0.statements;
        let sql = match scan.status {
            None => &statements.reports,
            Some(_) => &statements.reports_of_status,
        };
        let mut statement = sqlx::query(sql.clone())
            .bind(scan.before.map(|id| id.as_uuid()))
            .bind(scan.hidden_from.as_ref().map_or("", UserId::as_str))
            .bind(limit(scan.limit));
        if let Some(status) = scan.status {
            statement = statement.bind(status_code(status));
        }
        let found = self.read(DOING, statement).await?;
        let reports = found.iter().map(report);
        reports.collect::<Result<_, _>>().map_err(failed(DOING))
    }

    async fn find_report(&self, id: ReportId) -> Result<Option<ReportFile>, StoreError> {
        const DOING: &str = "finding a report";
        let statements = &self.0.statements;
        let found = sqlx::query(statements.report.clone()).bind(id.as_uuid());
        let found = self.read(DOING, found).await?;
        let Some(report) = found.first().map(report).transpose().map_err(failed(DOING))? else {
            return Ok(None);
        };
        let copied = sqlx::query(statements.evidence.clone()).bind(id.as_uuid());
        let copied = self.read(DOING, copied).await?;
        let evidence = copied.iter().map(rows::message).collect::<Result<_, _>>();
        Ok(Some(ReportFile::new(report, evidence.map_err(failed(DOING))?)))
    }

    async fn resolve_report(
        &self,
        id: ReportId,
        resolution: &Resolution,
    ) -> Result<Option<Report>, StoreError> {
        const DOING: &str = "resolving a report";
        let statements = &self.0.statements;
        let statement = sqlx::query(statements.resolve_report.clone())
            .bind(id.as_uuid())
            .bind(outcome_code(resolution.outcome))
            .bind(resolution.by.as_str())
            .bind(instant(resolution.at))
            .bind(resolution.note.as_ref().map(Remark::as_str));
        self.write(DOING, statement).await?;
        let found = sqlx::query(statements.report.clone()).bind(id.as_uuid());
        let found = self.read(DOING, found).await?;
        found.first().map(report).transpose().map_err(failed(DOING))
    }
}

/// `$1` id, `$2` conversation, `$3` reporter, `$4` reporter's side, `$5` reported, `$6` now, `$7` message, `$8`
/// reason, `$9` how many messages around it, `$10` how many without one, `$11` maximum number of complaints.
/// Returns the report's id and whether it has the complaint, or no row where the conversation or the message
/// does not exist. The update waits for a concurrent statement that resolves the open report or adds to it, and
/// counts the complaints of the row after that, at most one more than the limit. The check for a repetition
/// uses the snapshot: two equal concurrent complaints may count twice.
pub(super) const FILE: &str = r#"
WITH subject AS (
    SELECT m.seq AS about,
        CASE WHEN m.seq IS NULL THEN c.last_seq - $10::bigint + 1 ELSE m.seq - $9::bigint END AS from_seq,
        CASE WHEN m.seq IS NULL THEN c.last_seq ELSE m.seq + $9 END AS to_seq,
        EXISTS (SELECT FROM "messaging".report r JOIN "messaging".complaint s ON s.report_id = r.id
            WHERE r.conversation_id = $2 AND r.reporter_id = $3 AND r.status = 0
            AND s.about = COALESCE(m.seq, 0) AND s.reason = $8) AS is_repeated
    FROM "messaging".conversation c
    LEFT JOIN "messaging".message m ON m.conversation_id = c.id AND m.id = $7::uuid
    WHERE c.id = $2 AND ($7 IS NULL OR m.seq IS NOT NULL)
), filed AS (
    INSERT INTO "messaging".report AS r
        (id, conversation_id, reporter_id, reporter_side, reported_id, opened_at)
    SELECT $1, $2, $3, $4::smallint, $5, $6 FROM subject
    ON CONFLICT (conversation_id, reporter_id) WHERE status = 0 DO UPDATE SET complaint_count =
        LEAST(r.complaint_count + CASE WHEN (SELECT is_repeated FROM subject) THEN 0 ELSE 1 END, $11::bigint + 1)
    RETURNING r.id, r.complaint_count <= $11 OR (SELECT is_repeated FROM subject) AS is_filed
), said AS (
    INSERT INTO "messaging".complaint (report_id, about, reason, at)
    SELECT filed.id, COALESCE(subject.about, 0), $8, $6 FROM filed, subject WHERE filed.is_filed
    ON CONFLICT (report_id, about, sha256(replace(reason, chr(92), chr(92) || chr(92))::bytea)) DO NOTHING
), copied AS (
    INSERT INTO "messaging".evidence
        (report_id, seq, id, from_side, to_sides, sender_id, body, extras, created_at, client_position,
            agent_position)
    SELECT filed.id, m.seq, m.id, m.from_side, m.to_sides, m.sender_id, m.body, m.extras, m.created_at,
        m.client_position, m.agent_position
    FROM filed, subject, "messaging".message m
    WHERE filed.is_filed AND m.conversation_id = $2 AND m.seq BETWEEN subject.from_seq AND subject.to_seq
    ON CONFLICT (report_id, seq) DO NOTHING
)
SELECT id, is_filed FROM filed"#;

/// Reports with their messages, of `report AS r`.
macro_rules! select_reports {
    ($rest:literal) => {
        concat!(
            r#"SELECT r.id, r.conversation_id, r.reporter_id, r.reporter_side, r.reported_id, r.opened_at, r.status,
                r.resolved_by, r.resolved_at, r.note, said.reasons, said.abouts, said.times
            FROM "messaging".report r CROSS JOIN LATERAL (
                SELECT COALESCE(array_agg(reason ORDER BY place), '{}') AS reasons,
                    COALESCE(array_agg(about ORDER BY place), '{}') AS abouts,
                    COALESCE(array_agg(at ORDER BY place), '{}') AS times
                FROM "messaging".complaint WHERE report_id = r.id
            ) said WHERE "#,
            $rest
        )
    };
}

/// `$1` before which report, `$2` the user from whom reports are hidden, empty for none, `$3` limit. Every id
/// is smaller than the largest UUID.
macro_rules! list_reports {
    ($status:literal) => {
        concat!(
            select_reports!(
                "r.id < COALESCE($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
                AND r.reporter_id <> $2 AND r.reported_id <> $2"
            ),
            $status,
            " ORDER BY r.id DESC LIMIT $3"
        )
    };
}

pub(super) const LIST: &str = list_reports!("");
/// `$4` is the status.
pub(super) const LIST_OF_STATUS: &str = list_reports!(" AND r.status = $4");
pub(super) const FIND: &str = select_reports!("r.id = $1");
pub(super) const EVIDENCE: &str = concat!(
    "SELECT ",
    message_columns!(),
    r#" FROM (SELECT r.conversation_id, NULL::text AS idempotency_key, e.* FROM "messaging".report r
        JOIN "messaging".evidence e ON e.report_id = r.id WHERE r.id = $1) m ORDER BY m.seq"#
);
/// `$1` id, `$2` resolution, `$3` actor, `$4` time, `$5` note.
pub(super) const RESOLVE: &str = r#"UPDATE "messaging".report
    SET status = $2, resolved_by = $3, resolved_at = $4, note = $5 WHERE id = $1 AND status = 0"#;

fn report(row: &PgRow) -> Result<Report, Error> {
    let reasons: Vec<String> = row.try_get("reasons")?;
    let abouts: Vec<i64> = row.try_get("abouts")?;
    let times: Vec<DateTime<Utc>> = row.try_get("times")?;
    let said = reasons.into_iter().zip(abouts).zip(times);
    let complaints = said.map(|((reason, about), at)| {
        Complaint::new(Remark::from_stored(reason), Timestamp::from(at)).with_about(codes::about(about))
    });
    Ok(Report::new(
        ReportId::new(row.try_get::<Uuid, _>("id")?),
        rows::conversation_id(row, "conversation_id")?,
        rows::user_id(row, "reporter_id")?,
        codes::side_of_code(row.try_get("reporter_side")?)
            .ok_or_else(|| corrupt("a stored report has no side"))?,
        rows::user_id(row, "reported_id")?,
        rows::time(row, "opened_at")?,
    )
    .with_complaints(complaints.collect())
    .with_resolution(resolution(row)?))
}

fn resolution(row: &PgRow) -> Result<Option<Resolution>, Error> {
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
