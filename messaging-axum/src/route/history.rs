//! GET `/messages`: reads a page of a conversation's history.

use axum::extract::State;
use messaging_core::{
    ConversationId, HistoryRequest, MessageView, Messaging,
    domain::{cursor::HistoryCursor, page::PageSize},
    event::MessagePayload,
    participant::{History, HistoryFrom, MarkOnRead},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, Query, boolean, page_size},
    response::{ApiResponse, ItemBody},
    status::Code,
    wire::ConversationPayload,
};

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HistoryQuery {
    #[param(value_type = ConversationId, required = true)]
    conversation_id: Field<String>,
    /// Maximum number of items.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 50)]
    limit: Field<String>,
    /// A `nextCursor`, for older messages. Cannot be combined with `after`.
    #[param(value_type = Option<String>)]
    cursor: Field<String>,
    /// A `newestCursor`, for newer messages.
    #[param(value_type = Option<String>)]
    after: Field<String>,
    /// Whether to mark the page as read. Defaults to true without `cursor` and `after`, otherwise to false.
    #[param(value_type = Option<bool>)]
    mark_read: Field<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = History)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryPayload {
    conversation: ConversationPayload,
    /// Oldest first.
    messages: Vec<MessagePayload>,
    /// Whether more messages follow in the requested direction.
    has_more: bool,
    /// The value of `cursor` for older messages; null at the beginning of the conversation and for requests with
    /// `after`.
    #[schema(required)]
    next_cursor: Option<String>,
    /// The value of `after` for messages newer than this page.
    newest_cursor: String,
}

/// Read messages
///
/// The newest messages, those before `cursor`, or those after `after`. By default the newest page is marked as read.
#[utoipa::path(
    get,
    path = "/messages",
    tag = "messages",
    operation_id = "readHistory",
    params(HistoryQuery),
    responses((status = 200, body = ItemBody<HistoryPayload>), (status = 404))
)]
pub(crate) async fn read(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<HistoryQuery>,
) -> Result<ApiResponse<ItemBody<HistoryPayload>>, ApiError> {
    let history = messaging.history(&actor, &query.parse()?).await?;
    Ok(ApiResponse::ok(history.into()))
}

impl HistoryQuery {
    fn parse(self) -> Result<HistoryRequest, ApiError> {
        let mut fields = Fields::default();
        let conversation_id = fields.required("conversationId", self.conversation_id, ConversationId::parse);
        let limit = fields.optional("limit", self.limit, |text: String| page_size(&text));
        let mark = fields.optional("markRead", self.mark_read, |text: String| mark_on_read(&text));
        let (before, after) = match (self.cursor, self.after) {
            (Field::Given(_), Field::Given(_)) => {
                fields.reject("after", "cannot be given together with cursor");
                return Err(fields.into());
            }
            cursors => cursors,
        };
        let (Ok(conversation_id), Ok(limit), Ok(mark)) = (conversation_id, limit, mark) else {
            return Err(fields.into());
        };
        let cursor = |text: String| {
            HistoryCursor::decode(&text, conversation_id).map_err(|_| ApiError::new(Code::InvalidCursor))
        };
        Ok(HistoryRequest::new(
            conversation_id,
            match (before, after) {
                (Field::Given(before), _) => HistoryFrom::Before(cursor(before)?),
                (_, Field::Given(after)) => HistoryFrom::After(cursor(after)?),
                _ => HistoryFrom::Newest,
            },
        )
        .with_limit(limit.unwrap_or(PageSize::HISTORY))
        .with_mark(mark.unwrap_or(MarkOnRead::NewestPage)))
    }
}

fn mark_on_read(text: &str) -> Result<MarkOnRead, &'static str> {
    Ok(if boolean(text)? {
        MarkOnRead::Yes
    } else {
        MarkOnRead::No
    })
}

impl From<History> for HistoryPayload {
    fn from(history: History) -> Self {
        Self {
            conversation: history.conversation.into(),
            messages: history
                .messages
                .into_iter()
                .map(MessageView::into_payload)
                .collect(),
            has_more: history.has_more,
            next_cursor: history.next_cursor.map(|cursor| cursor.encode()),
            newest_cursor: history.newest_cursor.encode(),
        }
    }
}
