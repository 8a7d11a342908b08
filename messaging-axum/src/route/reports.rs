//! Reports: making one, and what staff do with them.

use axum::extract::State;
use messaging_core::{
    ConversationId, MessageId, Messaging, NewReport, PageSize, ReportCursor, ReportId, ReportsRequest,
    domain::report::{Outcome, Remark, ReportStatus},
};
use serde::Deserialize;

use crate::{
    answer::{Answer, PageMeta},
    error::ApiError,
    extract::{Caller, Field, Fields, Json, PathId, Query, cursor, page_size},
    wire::{ReportFilePayload, ReportPayload, ReportedPayload},
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ReportBody {
    reason: Field<String>,
    message_id: Field<String>,
}

/// POST `/messages/conversations/{id}/reports`.
pub(crate) async fn report(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
    Json(body): Json<ReportBody>,
) -> Result<Answer<ReportedPayload>, ApiError> {
    let mut fields = Fields::default();
    let reason = fields.required("reason", body.reason, |text: String| Remark::parse(&text));
    let about = fields.optional("messageId", body.message_id, MessageId::parse);
    let (Ok(reason), Ok(about)) = (reason, about) else {
        return Err(fields.into());
    };
    let reported = messaging.report(&actor, id, &NewReport { reason, about }).await?;
    Ok(Answer::made_or_found(reported.into(), reported.created))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListQuery {
    status: Field<String>,
    limit: Field<String>,
    cursor: Field<String>,
}

/// GET `/messages/admin/reports`: the newest first.
pub(crate) async fn list(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<ListQuery>,
) -> Result<Answer<Vec<ReportPayload>, PageMeta>, ApiError> {
    let request = query.parse()?;
    let list = messaging.list_reports(&actor, &request).await?;
    let meta = PageMeta {
        limit: request.limit.get(),
        has_more: list.has_more,
        next_cursor: list.next_cursor.map(|cursor| cursor.encode()),
    };
    let reports = list.reports.into_iter();
    let shown = reports.map(|report| ReportPayload::new(report, &list.profiles));
    Ok(Answer::with_meta(shown.collect(), meta))
}

impl ListQuery {
    fn parse(self) -> Result<ReportsRequest, ApiError> {
        let mut fields = Fields::default();
        let limit = fields.optional("limit", self.limit, |text: String| page_size(&text));
        let status = fields.optional("status", self.status, |text: String| status(&text));
        let (Ok(limit), Ok(status)) = (limit, status) else {
            return Err(fields.into());
        };
        let cursor = cursor(self.cursor, ReportCursor::decode)?;
        Ok(ReportsRequest {
            status,
            cursor,
            limit: limit.unwrap_or(PageSize::LIST),
        })
    }
}

fn status(name: &str) -> Result<ReportStatus, &'static str> {
    ReportStatus::from_name(name).ok_or("must be open, resolved or dismissed")
}

/// GET `/messages/admin/reports/{id}`: with its evidence.
pub(crate) async fn find(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ReportId>,
) -> Result<Answer<ReportFilePayload>, ApiError> {
    let details = messaging.find_report(&actor, id).await?;
    Ok(Answer::found(details.into()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SettleBody {
    note: Field<String>,
}

/// POST `/messages/admin/reports/{id}/resolve`.
pub(crate) async fn resolve(
    caller: Caller,
    state: State<Messaging>,
    id: PathId<ReportId>,
    body: Json<SettleBody>,
) -> Result<Answer<ReportFilePayload>, ApiError> {
    settle(Outcome::Resolved, caller, state, id, body).await
}

/// POST `/messages/admin/reports/{id}/dismiss`.
pub(crate) async fn dismiss(
    caller: Caller,
    state: State<Messaging>,
    id: PathId<ReportId>,
    body: Json<SettleBody>,
) -> Result<Answer<ReportFilePayload>, ApiError> {
    settle(Outcome::Dismissed, caller, state, id, body).await
}

async fn settle(
    outcome: Outcome,
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ReportId>,
    Json(body): Json<SettleBody>,
) -> Result<Answer<ReportFilePayload>, ApiError> {
    let mut fields = Fields::default();
    let note = fields.optional("note", body.note, |text: String| Remark::parse(&text));
    let Ok(note) = note else {
        return Err(fields.into());
    };
    let settled = messaging.settle_report(&actor, id, outcome, note).await?;
    Ok(Answer::found(settled.into()))
}
