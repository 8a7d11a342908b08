//! `/messages/conversations`: the caller's list, and opening.

use axum::extract::State;
use messaging_core::{
    Actor, AgentId, BookingId, ListCursor, ListFrom, ListRequest, Messaging, NumberedPage, OpenConversation,
    PageSize,
    domain::page::{InvalidNumberedPage, ListScope},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    answer::{Answer, Many, One, PageMeta},
    error::ApiError,
    extract::{Caller, Field, Fields, Json, Query, page_size, whole_number, yes_or_no},
    status::Code,
    wire::{ConversationPayload, ListedPayload},
};

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ListQuery {
    /// How many at most.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Field<String>,
    /// The `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Field<String>,
    /// The page of that number instead, from 1; `page × limit` is at most 10,000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000)]
    page: Field<String>,
    /// Whether to say who is connected, too.
    #[param(value_type = Option<bool>, default = false)]
    presence: Field<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListMeta {
    #[serde(flatten)]
    page: PageMeta,
    #[serde(flatten)]
    #[schema(value_type = NumberedMeta)]
    numbered: Option<NumberedMeta>,
}

/// What is said only where a page of a number was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NumberedMeta {
    #[schema(required = false)]
    page: usize,
    /// At most 10,000.
    #[schema(required = false, maximum = 10_000)]
    total: u64,
    #[schema(required = false)]
    total_pages: u64,
}

/// List conversations
///
/// The caller's, an admin's all; the newest activity first. Follow `nextCursor`, or ask for a page by its number.
#[utoipa::path(
    get,
    path = "/messages/conversations",
    tag = "conversations",
    operation_id = "listConversations",
    params(ListQuery),
    responses((status = 200, body = Many<ListedPayload, ListMeta>))
)]
pub(crate) async fn list(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<ListQuery>,
) -> Result<Answer<Many<ListedPayload, ListMeta>>, ApiError> {
    let (request, wants_presence) = query.parse(&actor)?;
    let list = messaging.list_conversations(&actor, &request).await?;
    let (limit, page) = match request {
        ListRequest::From { limit, .. } => (limit, None),
        ListRequest::Numbered(page) => (page.size(), Some(page)),
    };
    let meta = ListMeta {
        page: PageMeta {
            limit: limit.get(),
            has_more: list.has_more,
            next_cursor: list.next_cursor.map(|cursor| cursor.encode()),
        },
        numbered: page.zip(list.total).map(|(page, total)| NumberedMeta {
            page: page.number(),
            total,
            total_pages: total.div_ceil(limit.get() as u64),
        }),
    };
    let mut online = if wants_presence {
        messaging.list_online(&list.conversations).await
    } else {
        Vec::new()
    }
    .into_iter();
    let conversations = list.conversations.into_iter();
    let listed = conversations.map(|view| ListedPayload::new(view, online.next()));
    Ok(Answer::list(listed, meta))
}

impl ListQuery {
    /// What is asked for, and whether to say who is connected.
    fn parse(self, actor: &Actor) -> Result<(ListRequest, bool), ApiError> {
        let mut fields = Fields::default();
        let limit = fields.optional("limit", self.limit, |text: String| page_size(&text));
        let size = limit.ok().flatten().unwrap_or(PageSize::LIST);
        let page = fields.optional("page", self.page, |text: String| numbered_page(&text, size));
        let presence = fields.optional("presence", self.presence, |text: String| yes_or_no(&text));
        let (Ok(_), Ok(page), Ok(presence)) = (limit, page, presence) else {
            return Err(fields.into());
        };
        let presence = presence.unwrap_or(false);
        let from = match (page, self.cursor) {
            (Some(_), Field::Given(_)) => {
                fields.refuse("page", "cannot be given together with cursor");
                return Err(fields.into());
            }
            (Some(page), _) => return Ok((ListRequest::Numbered(page), presence)),
            (None, Field::Given(cursor)) => {
                let cursor = ListCursor::decode(&cursor, &ListScope::of(actor));
                ListFrom::After(cursor.map_err(|_| ApiError::new(Code::InvalidCursor))?)
            }
            (None, _) => ListFrom::Newest,
        };
        Ok((ListRequest::From { from, limit: size }, presence))
    }
}

fn numbered_page(text: &str, size: PageSize) -> Result<NumberedPage, InvalidNumberedPage> {
    let number = whole_number(text).ok_or(InvalidNumberedPage)?;
    NumberedPage::new(number, size)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenBody {
    #[schema(value_type = AgentId, required)]
    #[serde(default)]
    agent_id: Field<String>,
    /// A booking of the caller's with this agent.
    #[schema(value_type = Option<BookingId>)]
    #[serde(default)]
    booking_id: Field<String>,
}

/// Open a conversation
///
/// The one conversation of the caller, a client, with an agent. It is answered where it was there already.
#[utoipa::path(
    post,
    path = "/messages/conversations",
    tag = "conversations",
    operation_id = "openConversation",
    request_body = OpenBody,
    responses(
        (status = 201, body = One<ConversationPayload>, description = "It is new."),
        (status = 200, body = One<ConversationPayload>, description = "It was there."),
        (status = 403),
        (status = 429),
    )
)]
pub(crate) async fn open(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Json(body): Json<OpenBody>,
) -> Result<Answer<One<ConversationPayload>>, ApiError> {
    let mut fields = Fields::default();
    let agent_id = fields.required("agentId", body.agent_id, AgentId::parse);
    let booking_id = fields.optional("bookingId", body.booking_id, BookingId::parse);
    let (Ok(agent_id), Ok(booking_id)) = (agent_id, booking_id) else {
        return Err(fields.into());
    };
    let open = OpenConversation { agent_id, booking_id };
    let opened = messaging.open_conversation(&actor, &open).await?;
    Ok(Answer::made_or_found(opened.conversation.into(), opened.created))
}
