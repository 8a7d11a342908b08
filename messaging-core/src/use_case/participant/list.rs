use futures_util::future::join;

use tracing::instrument;

use super::ConversationView;
use crate::{
    actor::Actor,
    domain::{
        cursor::ListCursor,
        page::{NumberedPage, PageSize},
        scope::ListScope,
    },
    error::{Error, ErrorKind},
    host::directory::ProfileQuery,
    store::{AuditedAction, ListScan, ListStart},
    use_case::Messaging,
};

const LISTING: &str = "listing conversations";

/// A page of an actor's list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListRequest {
    /// Where the page begins.
    pub from: ListFrom,
    /// The maximum number of conversations; a [numbered](ListFrom::Page) page has a size of its own. Default:
    /// [`PageSize::LIST`].
    pub limit: PageSize,
}

impl ListRequest {
    /// A page that begins there.
    pub const fn new(from: ListFrom) -> Self {
        let limit = PageSize::LIST;
        Self { from, limit }
    }

    /// The conversations with the newest activity.
    pub const fn newest() -> Self {
        Self::new(ListFrom::Newest)
    }

    /// The conversations after a cursor. A page costs the same, however deep it lies.
    pub const fn after(cursor: ListCursor) -> Self {
        Self::new(ListFrom::After(cursor))
    }

    /// A numbered page: the store counts and skips.
    pub const fn numbered(page: NumberedPage) -> Self {
        Self::new(ListFrom::Page(page))
    }

    /// At most so many conversations.
    pub fn with_limit(self, limit: PageSize) -> Self {
        Self { limit, ..self }
    }
}

/// Where a page of a list begins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListFrom {
    /// With the newest activity.
    Newest,
    /// After a cursor.
    After(ListCursor),
    /// With the first conversation of a numbered page.
    Page(NumberedPage),
}

/// A page of an actor's list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationList {
    /// The conversations, newest activity first.
    pub conversations: Vec<ConversationView>,
    /// Whether more follow.
    pub has_more: bool,
    /// Where they continue; `None` at the end.
    pub next_cursor: Option<ListCursor>,
    /// How many there are in all, counted up to 10,000; only with a numbered page.
    pub total: Option<u64>,
}

impl Messaging {
    /// A page of the conversations that the actor's role shows them.
    ///
    /// # Errors
    /// [`InvalidCursor`](ErrorKind::InvalidCursor) for a cursor of another list;
    /// [`Unavailable`](ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id()))]
    pub async fn list_conversations(
        &self,
        actor: &Actor,
        request: &ListRequest,
    ) -> Result<ConversationList, Error> {
        let scope = ListScope::of(actor);
        let (start, limit, counts) = match &request.from {
            ListFrom::Newest => (ListStart::Newest, request.limit, false),
            ListFrom::After(cursor) if *cursor.scope() == scope => {
                (ListStart::After(cursor.clone()), request.limit, false)
            }
            ListFrom::After(_) => return Err(Error::new(ErrorKind::InvalidCursor, LISTING)),
            ListFrom::Page(page) => (ListStart::Skip(page.skip()), page.size(), true),
        };
        if actor.is_admin() {
            self.audit(actor, AuditedAction::List, None).await?;
        }
        let store_error = |error| Error::store(error, LISTING);
        let scan = ListScan {
            scope: scope.clone(),
            start,
            limit,
        };
        let page = self
            .store()
            .list_conversations(&scan)
            .await
            .map_err(store_error)?;
        let total = if counts {
            let cap = NumberedPage::DEEPEST as u64;
            Some(
                self.store()
                    .count_conversations(&scope, cap)
                    .await
                    .map_err(store_error)?,
            )
        } else {
            None
        };

        let last = page
            .rows
            .last()
            .filter(|_| page.has_more)
            .map(|row| &row.conversation);
        let next_cursor = last.map(|last| ListCursor::new(scope, last.activity_at, last.id));
        let query = page
            .rows
            .iter()
            .fold(ProfileQuery::default(), ProfileQuery::with_summary);
        let conversations: Vec<_> = page.rows.iter().map(|row| &row.conversation).collect();
        let (profiles, viewers) = join(self.profiles(&query), self.viewers(actor, &conversations)).await;
        let rows = page.rows.into_iter().zip(viewers);
        let views = rows.map(|(summary, viewer)| ConversationView::new(summary, viewer, &profiles));
        Ok(ConversationList {
            conversations: views.collect(),
            has_more: page.has_more,
            next_cursor,
            total,
        })
    }

    /// How many messages the actor has not read, in all the conversations of their list together.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id()))]
    pub async fn count_unread(&self, actor: &Actor) -> Result<u64, Error> {
        let counted = self.store().count_unread(&ListScope::of(actor)).await;
        counted.map_err(|error| Error::store(error, "counting unread messages"))
    }
}
