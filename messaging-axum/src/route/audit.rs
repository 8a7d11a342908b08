//! GET `/messages/admin/audit`: what admins looked at and did, the newest first.

use axum::extract::State;
use messaging_core::{AuditCursor, Messaging, PageSize};
use serde::Deserialize;

use crate::{
    answer::{Answer, PageMeta},
    error::ApiError,
    extract::{Caller, Field, Fields, Query, cursor, page_size},
    wire::AuditPayload,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AuditQuery {
    limit: Field<String>,
    cursor: Field<String>,
}

pub(crate) async fn list(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<AuditQuery>,
) -> Result<Answer<Vec<AuditPayload>, PageMeta>, ApiError> {
    let (from, limit) = query.parse()?;
    let log = messaging.read_audit(&actor, from, limit).await?;
    let meta = PageMeta {
        limit: limit.get(),
        has_more: log.has_more,
        next_cursor: log.next_cursor.map(|cursor| cursor.encode()),
    };
    let records = log.records.into_iter();
    let shown = records.map(|record| AuditPayload::new(record, &log.profiles));
    Ok(Answer::with_meta(shown.collect(), meta))
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
