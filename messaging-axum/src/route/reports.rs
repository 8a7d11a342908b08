//! Creates and resolves reports.

use axum::extract::State;
use messaging_core::{
    ConversationId, MessageId, Messaging,
    admin::ReportsRequest,
    domain::{
        cursor::ReportCursor,
        page::PageSize,
        report::{Outcome, Remark, ReportStatus},
    },
    id::ReportId,
    participant::NewReport,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, Json, PathId, Query, cursor, page_size},
    response::{ApiResponse, ItemBody, ListBody, PageMeta},
    wire::{ReportFilePayload, ReportPayload, ReportedPayload},
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportBody {
    /// The reason; at least one visible character.
    #[schema(value_type = String, required, min_length = 1, max_length = 1000)]
    #[serde(default)]
    reason: Field<String>,
    /// The reported message; absent or null for the whole conversation.
    #[schema(value_type = Option<MessageId>)]
    #[serde(default)]
    message_id: Field<String>,
}

/// Report a conversation
///
/// Reports to the host's staff, with a copy of the messages around the reported one.
#[utoipa::path(
    post,
    path = "/messages/conversations/{id}/reports",
    tag = "conversations",
    operation_id = "report",
    params(("id" = ConversationId, Path)),
    request_body = ReportBody,
    responses(
        (status = 201, body = ItemBody<ReportedPayload>, description = "The report is new."),
        (status = 200, body = ItemBody<ReportedPayload>, description = "The complaint was added to the caller's open report."),
        (status = 403),
        (status = 404),
        (status = 409, description = "The caller's open report has 20 complaints, the maximum."),
        (status = 429),
    )
)]
pub(crate) async fn report(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ConversationId>,
    Json(body): Json<ReportBody>,
) -> Result<ApiResponse<ItemBody<ReportedPayload>>, ApiError> {
    let mut fields = Fields::default();
    let reason = fields.required("reason", body.reason, |text: String| Remark::parse(&text));
    let about = fields.optional("messageId", body.message_id, MessageId::parse);
    let (Ok(reason), Ok(about)) = (reason, about) else {
        return Err(fields.into());
    };
    let reported = messaging
        .report(&actor, id, &NewReport::new(reason).with_message(about))
        .await?;
    Ok(ApiResponse::created_or_ok(reported.into(), reported.created))
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ListQuery {
    /// Only reports with this status.
    #[param(value_type = Option<ReportStatus>)]
    status: Field<String>,
    /// Maximum number of items.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Field<String>,
    /// The `nextCursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Field<String>,
}

/// List reports
///
/// Newest first, without their evidence. A page may have fewer items than `limit` although more follow: its texts have
/// at most 256 KiB.
#[utoipa::path(
    get,
    path = "/messages/admin/reports",
    tag = "admin",
    operation_id = "listReports",
    params(ListQuery),
    responses((status = 200, body = ListBody<ReportPayload, PageMeta>), (status = 403))
)]
pub(crate) async fn list(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<ListQuery>,
) -> Result<ApiResponse<ListBody<ReportPayload, PageMeta>>, ApiError> {
    let request = query.parse()?;
    let list = messaging.admin(&actor)?.list_reports(&request).await?;
    let meta = PageMeta {
        limit: request.limit.get(),
        has_more: list.has_more,
        next_cursor: list.next_cursor.map(|cursor| cursor.encode()),
    };
    let reports = list.reports.into_iter();
    let payloads = reports.map(|report| ReportPayload::new(report, &list.profiles));
    Ok(ApiResponse::list(payloads, meta))
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
        Ok(ReportsRequest::newest()
            .with_status(status)
            .after(cursor)
            .with_limit(limit.unwrap_or(PageSize::LIST)))
    }
}

fn status(name: &str) -> Result<ReportStatus, &'static str> {
    ReportStatus::from_name(name).ok_or("must be open, resolved or dismissed")
}

/// Get a report
///
/// With its evidence.
#[utoipa::path(
    get,
    path = "/messages/admin/reports/{id}",
    tag = "admin",
    operation_id = "findReport",
    params(("id" = ReportId, Path)),
    responses((status = 200, body = ItemBody<ReportFilePayload>), (status = 403), (status = 404))
)]
pub(crate) async fn find(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ReportId>,
) -> Result<ApiResponse<ItemBody<ReportFilePayload>>, ApiError> {
    let details = messaging.admin(&actor)?.find_report(id).await?;
    Ok(ApiResponse::ok(details.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ResolveBody)]
pub(crate) struct ResolutionBody {
    /// A note; at least one visible character.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    #[serde(default)]
    note: Field<String>,
}

/// Resolve a report
///
/// Marks the report as acted upon. A resolved or dismissed report is returned unchanged.
#[utoipa::path(
    post,
    path = "/messages/admin/reports/{id}/resolve",
    tag = "admin",
    operation_id = "resolveReport",
    params(("id" = ReportId, Path)),
    request_body = ResolutionBody,
    responses((status = 200, body = ItemBody<ReportFilePayload>), (status = 403), (status = 404))
)]
pub(crate) async fn resolve(
    caller: Caller,
    state: State<Messaging>,
    id: PathId<ReportId>,
    body: Json<ResolutionBody>,
) -> Result<ApiResponse<ItemBody<ReportFilePayload>>, ApiError> {
    resolve_as(Outcome::Resolved, caller, state, id, body).await
}

/// Dismiss a report
///
/// Marks the report as needing no action. A resolved or dismissed report is returned unchanged.
#[utoipa::path(
    post,
    path = "/messages/admin/reports/{id}/dismiss",
    tag = "admin",
    operation_id = "dismissReport",
    params(("id" = ReportId, Path)),
    request_body = ResolutionBody,
    responses((status = 200, body = ItemBody<ReportFilePayload>), (status = 403), (status = 404))
)]
pub(crate) async fn dismiss(
    caller: Caller,
    state: State<Messaging>,
    id: PathId<ReportId>,
    body: Json<ResolutionBody>,
) -> Result<ApiResponse<ItemBody<ReportFilePayload>>, ApiError> {
    resolve_as(Outcome::Dismissed, caller, state, id, body).await
}

async fn resolve_as(
    outcome: Outcome,
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    PathId(id): PathId<ReportId>,
    Json(body): Json<ResolutionBody>,
) -> Result<ApiResponse<ItemBody<ReportFilePayload>>, ApiError> {
    let mut fields = Fields::default();
    let note = fields.optional("note", body.note, |text: String| Remark::parse(&text));
    let Ok(note) = note else {
        return Err(fields.into());
    };
    let resolved = messaging.admin(&actor)?.resolve_report(id, outcome, note).await?;
    Ok(ApiResponse::ok(resolved.into()))
}
