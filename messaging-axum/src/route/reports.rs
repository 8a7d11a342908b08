//! Reports: making one, and what staff do with them.

use axum::extract::State;
use messaging_core::{
    ConversationId, MessageId, Messaging, NewReport, PageSize, ReportCursor, ReportId, ReportsRequest,
    domain::report::{Outcome, Remark, ReportStatus},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    answer::{Answer, Many, One, PageMeta},
    error::ApiError,
    extract::{Caller, Field, Fields, Json, PathId, Query, cursor, page_size},
    wire::{ReportFilePayload, ReportPayload, ReportedPayload},
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportBody {
    /// Why; at least one character that can be seen.
    #[schema(value_type = String, required, min_length = 1, max_length = 1000)]
    #[serde(default)]
    reason: Field<String>,
    /// The message that it is about; none for the whole conversation.
    #[schema(value_type = Option<MessageId>)]
    #[serde(default)]
    message_id: Field<String>,
}

/// Report a conversation
///
/// Tells the staff, with a copy of the messages around the one that it is about.
#[utoipa::path(
    post,
    path = "/messages/conversations/{id}/reports",
    tag = "conversations",
    operation_id = "report",
    params(("id" = ConversationId, Path)),
    request_body = ReportBody,
    responses(
        (status = 201, body = One<ReportedPayload>, description = "It is new."),
        (status = 200, body = One<ReportedPayload>, description = "It was added to the caller's open report."),
        (status = 403),
        (status = 404),
        (status = 409, description = "The caller's open report holds 20 complaints, as many as it may."),
        (status = 429),
    )
)]
pub(crate) async fn report(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
    Json(body): Json<ReportBody>,
) -> Result<Answer<One<ReportedPayload>>, ApiError> {
    let mut fields = Fields::default();
    let reason = fields.required("reason", body.reason, |text: String| Remark::parse(&text));
    let about = fields.optional("messageId", body.message_id, MessageId::parse);
    let (Ok(reason), Ok(about)) = (reason, about) else {
        return Err(fields.into());
    };
    let reported = messaging.report(&actor, id, &NewReport { reason, about }).await?;
    Ok(Answer::made_or_found(reported.into(), reported.created))
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ListQuery {
    /// Only those that stand so.
    #[param(value_type = Option<ReportStatus>)]
    status: Field<String>,
    /// How many at most.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Field<String>,
    /// The `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Field<String>,
}

/// List reports
///
/// The newest first, without their evidence. A page may have fewer than `limit` although more follow: its texts are at most
/// 256 KiB.
#[utoipa::path(
    get,
    path = "/messages/admin/reports",
    tag = "admin",
    operation_id = "listReports",
    params(ListQuery),
    responses((status = 200, body = Many<ReportPayload, PageMeta>), (status = 403))
)]
pub(crate) async fn list(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<ListQuery>,
) -> Result<Answer<Many<ReportPayload, PageMeta>>, ApiError> {
    let request = query.parse()?;
    let list = messaging.list_reports(&actor, &request).await?;
    let meta = PageMeta {
        limit: request.limit.get(),
        has_more: list.has_more,
        next_cursor: list.next_cursor.map(|cursor| cursor.encode()),
    };
    let reports = list.reports.into_iter();
    let shown = reports.map(|report| ReportPayload::new(report, &list.profiles));
    Ok(Answer::list(shown, meta))
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

/// See a report
///
/// With its evidence.
#[utoipa::path(
    get,
    path = "/messages/admin/reports/{id}",
    tag = "admin",
    operation_id = "findReport",
    params(("id" = ReportId, Path)),
    responses((status = 200, body = One<ReportFilePayload>), (status = 403), (status = 404))
)]
pub(crate) async fn find(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ReportId>,
) -> Result<Answer<One<ReportFilePayload>>, ApiError> {
    let details = messaging.find_report(&actor, id).await?;
    Ok(Answer::found(details.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ResolveBody {
    /// What is to be noted; at least one character that can be seen.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    #[serde(default)]
    note: Field<String>,
}

/// Resolve a report
///
/// Something was done about it. One that is resolved stays as it is.
#[utoipa::path(
    post,
    path = "/messages/admin/reports/{id}/resolve",
    tag = "admin",
    operation_id = "resolveReport",
    params(("id" = ReportId, Path)),
    request_body = ResolveBody,
    responses((status = 200, body = One<ReportFilePayload>), (status = 403), (status = 404))
)]
pub(crate) async fn resolve(
    caller: Caller,
    state: State<Messaging>,
    id: PathId<ReportId>,
    body: Json<ResolveBody>,
) -> Result<Answer<One<ReportFilePayload>>, ApiError> {
    decide(Outcome::Resolved, caller, state, id, body).await
}

/// Dismiss a report
///
/// There was nothing to be done. One that is resolved stays as it is.
#[utoipa::path(
    post,
    path = "/messages/admin/reports/{id}/dismiss",
    tag = "admin",
    operation_id = "dismissReport",
    params(("id" = ReportId, Path)),
    request_body = ResolveBody,
    responses((status = 200, body = One<ReportFilePayload>), (status = 403), (status = 404))
)]
pub(crate) async fn dismiss(
    caller: Caller,
    state: State<Messaging>,
    id: PathId<ReportId>,
    body: Json<ResolveBody>,
) -> Result<Answer<One<ReportFilePayload>>, ApiError> {
    decide(Outcome::Dismissed, caller, state, id, body).await
}

async fn decide(
    outcome: Outcome,
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ReportId>,
    Json(body): Json<ResolveBody>,
) -> Result<Answer<One<ReportFilePayload>>, ApiError> {
    let mut fields = Fields::default();
    let note = fields.optional("note", body.note, |text: String| Remark::parse(&text));
    let Ok(note) = note else {
        return Err(fields.into());
    };
    let resolution = messaging.resolve_report(&actor, id, outcome, note).await?;
    Ok(Answer::found(resolution.into()))
}
