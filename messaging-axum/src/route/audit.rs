//! GET `/messages/admin/audit`: the audit log, newest first.

use axum::extract::State;
use messaging_core::{
    Messaging,
    domain::{cursor::AuditCursor, page::PageSize},
};
use serde::Deserialize;

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, Query, cursor, page_size},
    response::{ApiResponse, ListBody, PageMeta},
    wire::AuditPayload,
};

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct AuditQuery {
    /// Maximum number of items.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Field<String>,
    /// The `nextCursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Field<String>,
}

/// Read the audit log
///
/// What admins read and did, newest first. Reading the log is recorded in it.
#[utoipa::path(
    get,
    path = "/messages/admin/audit",
    tag = "admin",
    operation_id = "readAudit",
    params(AuditQuery),
    responses((status = 200, body = ListBody<AuditPayload, PageMeta>), (status = 403))
)]
pub(crate) async fn list(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<AuditQuery>,
) -> Result<ApiResponse<ListBody<AuditPayload, PageMeta>>, ApiError> {
    let (from, limit) = query.parse()?;
    let log = messaging.admin(&actor)?.read_audit(from, limit).await?;
    let meta = PageMeta {
        limit: limit.get(),
        has_more: log.has_more,
        next_cursor: log.next_cursor.map(|cursor| cursor.encode()),
    };
    let records = log.records.into_iter();
    let payloads = records.map(|record| AuditPayload::new(record, &log.profiles));
    Ok(ApiResponse::list(payloads, meta))
}

impl AuditQuery {
    fn parse(self) -> Result<(Option<AuditCursor>, PageSize), ApiError> {
        let mut fields = Fields::default();
        let Ok(limit) = fields.optional("limit", self.limit, |text: String| page_size(&text)) else {
            return Err(fields.into());
        };
        let cursor = cursor(self.cursor, AuditCursor::decode)?;
        Ok((cursor, limit.unwrap_or(PageSize::LIST)))
    }
}
