//! `/messages/conversations`: lists and opens conversations.

use axum::extract::State;
use messaging_core::{
    Actor, AgentId, BookingId, ListRequest, Messaging, OpenConversation,
    domain::{
        cursor::ListCursor,
        page::{InvalidNumberedPage, NumberedPage, PageSize},
        scope::ListScope,
    },
    participant::ListFrom,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, Json, Query, boolean, page_size, unsigned_integer},
    response::{ApiResponse, ItemBody, ListBody, PageMeta},
    status::Code,
    wire::{ConversationPayload, ListedPayload},
};

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ListQuery {
    /// Maximum number of items.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Field<String>,
    /// The `nextCursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Field<String>,
    /// A page by number, from 1, instead of a cursor; `page × limit` is at most 10,000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000)]
    page: Field<String>,
    /// Whether to include presence.
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

/// Metadata of a page requested by number.
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
/// The caller's conversations, or all of them for an admin; newest activity first. Follow `nextCursor`, or request
/// pages by number.
#[utoipa::path(
    get,
    path = "/messages/conversations",
    tag = "conversations",
    operation_id = "listConversations",
    params(ListQuery),
    responses((status = 200, body = ListBody<ListedPayload, ListMeta>))
)]
pub(crate) async fn list(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<ListQuery>,
) -> Result<ApiResponse<ListBody<ListedPayload, ListMeta>>, ApiError> {
    let (request, includes_presence) = query.parse(&actor)?;
    let list = messaging.list_conversations(&actor, &request).await?;
    let (limit, page) = match request {
        ListRequest {
            from: ListFrom::Page(page),
            ..
        } => (page.size(), Some(page)),
        ListRequest { limit, .. } => (limit, None),
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
    let mut online = if includes_presence {
        messaging.list_online(&list.conversations).await
    } else {
        Vec::new()
    }
    .into_iter();
    let conversations = list.conversations.into_iter();
    let listed = conversations.map(|view| ListedPayload::new(view, online.next()));
    Ok(ApiResponse::list(listed, meta))
}

impl ListQuery {
    /// Parses the request, and whether to include presence.
    fn parse(self, actor: &Actor) -> Result<(ListRequest, bool), ApiError> {
        let mut fields = Fields::default();
        let limit = fields.optional("limit", self.limit, |text: String| page_size(&text));
        let size = limit.ok().flatten().unwrap_or(PageSize::LIST);
        let page = fields.optional("page", self.page, |text: String| numbered_page(&text, size));
        let presence = fields.optional("presence", self.presence, |text: String| boolean(&text));
        let (Ok(_), Ok(page), Ok(presence)) = (limit, page, presence) else {
            return Err(fields.into());
        };
        let presence = presence.unwrap_or(false);
        let from = match (page, self.cursor) {
            (Some(_), Field::Given(_)) => {
                fields.reject("page", "cannot be given together with cursor");
                return Err(fields.into());
            }
            (Some(page), _) => return Ok((ListRequest::numbered(page), presence)),
            (None, Field::Given(cursor)) => {
                let cursor = ListCursor::decode(&cursor, &ListScope::of(actor));
                ListFrom::After(cursor.map_err(|_| ApiError::new(Code::InvalidCursor))?)
            }
            (None, _) => ListFrom::Newest,
        };
        Ok((ListRequest::new(from).with_limit(size), presence))
    }
}

fn numbered_page(text: &str, size: PageSize) -> Result<NumberedPage, InvalidNumberedPage> {
    let number = unsigned_integer(text).ok_or(InvalidNumberedPage)?;
    NumberedPage::new(number, size)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenBody {
    #[schema(value_type = AgentId, required)]
    #[serde(default)]
    agent_id: Field<String>,
    /// A booking of the caller with this agent.
    #[schema(value_type = Option<BookingId>)]
    #[serde(default)]
    booking_id: Field<String>,
}

/// Open a conversation
///
/// Opens the conversation of the caller, a client, with an agent. Returns the existing one if there is one.
#[utoipa::path(
    post,
    path = "/messages/conversations",
    tag = "conversations",
    operation_id = "openConversation",
    request_body = OpenBody,
    responses(
        (status = 201, body = ItemBody<ConversationPayload>, description = "The conversation is new."),
        (status = 200, body = ItemBody<ConversationPayload>, description = "The conversation existed."),
        (status = 403),
        (status = 429),
    )
)]
pub(crate) async fn open(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Json(body): Json<OpenBody>,
) -> Result<ApiResponse<ItemBody<ConversationPayload>>, ApiError> {
    let mut fields = Fields::default();
    let agent_id = fields.required("agentId", body.agent_id, AgentId::parse);
    let booking_id = fields.optional("bookingId", body.booking_id, BookingId::parse);
    let (Ok(agent_id), Ok(booking_id)) = (agent_id, booking_id) else {
        return Err(fields.into());
    };
    let open = OpenConversation::new(agent_id).with_booking(booking_id);
    let opened = messaging.open_conversation(&actor, &open).await?;
    Ok(ApiResponse::created_or_ok(
        opened.conversation.into(),
        opened.created,
    ))
}
