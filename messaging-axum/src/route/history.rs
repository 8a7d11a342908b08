//! GET `/messages`: a page of a conversation's messages.

use axum::extract::State;
use messaging_core::{
    ConversationId, History, HistoryCursor, HistoryFrom, HistoryRequest, MarkOnRead, MessageView, Messaging,
    PageSize, event::MessagePayload,
};
use serde::{Deserialize, Serialize};

use crate::{
    answer::Answer,
    error::ApiError,
    extract::{Caller, Field, Fields, Query, page_size, yes_or_no},
    status::Code,
    wire::ConversationPayload,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HistoryQuery {
    conversation_id: Field<String>,
    limit: Field<String>,
    /// Where to go on with older messages.
    cursor: Field<String>,
    /// Where to go on with newer ones.
    after: Field<String>,
    mark_read: Field<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryPayload {
    conversation: ConversationPayload,
    /// Oldest first.
    messages: Vec<MessagePayload>,
    has_more: bool,
    next_cursor: Option<String>,
    newest_cursor: String,
}

pub(crate) async fn read(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<HistoryQuery>,
) -> Result<Answer<HistoryPayload>, ApiError> {
    let history = messaging.history(&actor, &query.parse()?).await?;
    Ok(Answer::found(history.into()))
}

impl HistoryQuery {
    fn parse(self) -> Result<HistoryRequest, ApiError> {
        let mut fields = Fields::default();
        let conversation_id = fields.required("conversationId", self.conversation_id, ConversationId::parse);
        let limit = fields.optional("limit", self.limit, |text: String| page_size(&text));
        let mark = fields.optional("markRead", self.mark_read, |text: String| mark_on_read(&text));
        let (before, after) = match (self.cursor, self.after) {
            (Field::Given(_), Field::Given(_)) => {
                fields.refuse("after", "cannot be given together with cursor");
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
        Ok(HistoryRequest {
            conversation_id,
            from: match (before, after) {
                (Field::Given(before), _) => HistoryFrom::Before(cursor(before)?),
                (_, Field::Given(after)) => HistoryFrom::After(cursor(after)?),
                _ => HistoryFrom::Newest,
            },
            limit: limit.unwrap_or(PageSize::HISTORY),
            mark: mark.unwrap_or(MarkOnRead::NewestPage),
        })
    }
}

fn mark_on_read(text: &str) -> Result<MarkOnRead, &'static str> {
    Ok(if yes_or_no(text)? {
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
