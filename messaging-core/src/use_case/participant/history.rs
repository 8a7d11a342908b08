use futures_util::future::join;

use tracing::instrument;

use super::{ConversationView, MessageView};
use crate::{
    actor::Actor,
    domain::{cursor::HistoryCursor, page::PageSize, receipt::MessageRow},
    error::{Error, ErrorKind},
    host::directory::ProfileQuery,
    id::ConversationId,
    policy::{Action, Standing},
    store::{AuditedAction, Direction, HistoryPage, HistoryScan},
    use_case::{Messaging, found},
};

const READING: &str = "reading a history";

/// A page of a conversation's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryRequest {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Where the page begins, and its direction.
    pub from: HistoryFrom,
    /// The maximum number of messages. Default: [`PageSize::HISTORY`].
    pub limit: PageSize,
    /// Whether the page marks messages as read. Default: [`MarkOnRead::NewestPage`].
    pub mark: MarkOnRead,
}

impl HistoryRequest {
    /// A page that begins there.
    pub const fn new(conversation_id: ConversationId, from: HistoryFrom) -> Self {
        Self {
            conversation_id,
            from,
            limit: PageSize::HISTORY,
            mark: MarkOnRead::NewestPage,
        }
    }

    /// The newest messages.
    pub const fn newest(conversation_id: ConversationId) -> Self {
        Self::new(conversation_id, HistoryFrom::Newest)
    }

    /// The messages before a cursor: older ones.
    pub const fn before(conversation_id: ConversationId, cursor: HistoryCursor) -> Self {
        Self::new(conversation_id, HistoryFrom::Before(cursor))
    }

    /// The messages after a cursor: newer ones.
    pub const fn after(conversation_id: ConversationId, cursor: HistoryCursor) -> Self {
        Self::new(conversation_id, HistoryFrom::After(cursor))
    }

    /// At most so many messages.
    pub const fn with_limit(self, limit: PageSize) -> Self {
        Self { limit, ..self }
    }

    /// With another rule for marking messages as read.
    pub const fn with_mark(self, mark: MarkOnRead) -> Self {
        Self { mark, ..self }
    }
}

/// Where a page of a history begins, and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryFrom {
    /// The newest messages.
    Newest,
    /// Those before a cursor.
    Before(HistoryCursor),
    /// Those after a cursor.
    After(HistoryCursor),
}

/// Whether a page of a history marks the newest message on it as read. An admin's never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MarkOnRead {
    /// The newest page does, others do not. Where marking fails or the host refuses it, the page is answered
    /// unmarked.
    NewestPage,
    /// It does, or the request fails.
    Yes,
    /// It does not.
    No,
}

/// A page of a history, in the state after it was marked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct History {
    /// The conversation.
    pub conversation: ConversationView,
    /// The messages, oldest first.
    pub messages: Vec<MessageView>,
    /// Whether more lie in the direction asked for.
    pub has_more: bool,
    /// Where older messages continue; `None` at the beginning, and when newer ones were asked for.
    pub next_cursor: Option<HistoryCursor>,
    /// Where newer messages continue.
    pub newest_cursor: HistoryCursor,
}

impl Messaging {
    /// Reads a page of a conversation's messages and, if asked, marks it as read: up to the newest message
    /// on it, and nothing later.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound); [`InvalidCursor`](ErrorKind::InvalidCursor) for a cursor of
    /// another conversation; [`Unavailable`](ErrorKind::Unavailable).
    #[instrument(level = "debug", skip_all, fields(user_id = %actor.user_id(), conversation_id = %request.conversation_id))]
    pub async fn history(&self, actor: &Actor, request: &HistoryRequest) -> Result<History, Error> {
        let id = request.conversation_id;
        let direction = direction(request)?;
        let scan = HistoryScan {
            conversation_id: id,
            direction,
            limit: request.limit,
        };
        let page = self.store().list_messages(&scan).await;
        let page = page.map_err(|error| Error::store(error, READING))?;
        // Decided on the conversation of the page itself: one look-up, and no access that ended before the page was read.
        let conversation = page.as_ref().map(|page| &page.summary.conversation);
        let standing = self
            .decide(actor, Action::ReadHistory, conversation, READING)
            .await?;
        let mut page = found(page, READING)?;
        if standing == Standing::Audited {
            self.audit(actor, AuditedAction::ReadHistory, Some(id)).await?;
        }

        let marks = match request.mark {
            MarkOnRead::NewestPage => direction == Direction::Newest,
            MarkOnRead::Yes => true,
            MarkOnRead::No => false,
        };
        if marks && standing.side().is_some() {
            match self.mark_page(actor, &mut page).await {
                // The request does not depend on it: the page is worth more than its receipt.
                Err(error) if request.mark == MarkOnRead::NewestPage => {
                    // A refusal is no failure, and the host's sentence is for the person who is refused.
                    if !matches!(error.kind(), ErrorKind::Forbidden { .. }) {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(conversation_id = %id, error, "a page was not marked as read");
                    }
                }
                marked => marked?,
            }
        }

        let query = ProfileQuery::default().with_summary(&page.summary);
        let query = page
            .rows
            .iter()
            .fold(query, |query, row| query.with_sender(&row.message));
        let viewer = self.viewer(actor, &page.summary.conversation);
        let (profiles, viewer) = join(self.profiles(&query), viewer).await;
        let side = viewer.side;
        Ok(History {
            next_cursor: next_cursor(id, direction, &page),
            newest_cursor: newest_cursor(id, direction, &page.rows),
            conversation: ConversationView::new(page.summary, viewer, &profiles),
            messages: page
                .rows
                .into_iter()
                .map(|row| MessageView::new(row, side, &profiles))
                .collect(),
            has_more: page.has_more,
        })
    }

    /// Marks a page as read up to its newest message, and reads the same messages again, so that the page shows one state.
    /// Where the reader has read as far, the page already shows it, and nothing is written.
    async fn mark_page(&self, actor: &Actor, page: &mut HistoryPage) -> Result<(), Error> {
        let Some(newest) = page.rows.last().map(|row| &row.message) else {
            return Ok(());
        };
        let conversation = &page.summary.conversation;
        let side = self.reader(actor, Some(conversation)).await?;
        if *newest.positions.of(side) <= conversation.counters.of(side).read {
            return Ok(());
        }
        let moved = self.move_position(conversation, side, newest.id).await?;
        if moved.is_none() {
            self.mark_read(actor, conversation.id, newest.id).await?;
        }
        self.read_again(page).await
    }

    /// Reads the messages of a page again.
    async fn read_again(&self, page: &mut HistoryPage) -> Result<(), Error> {
        let Some(first) = page.rows.first() else {
            return Ok(());
        };
        let limit = PageSize::new(page.rows.len()).map_err(|_| Error::new(ErrorKind::Internal, READING))?;
        let scan = HistoryScan {
            conversation_id: page.summary.conversation.id,
            direction: Direction::After(first.message.seq - 1),
            limit,
        };
        let again = self.store().list_messages(&scan).await;
        let again = again.map_err(|error| Error::store(error, READING))?;
        let HistoryPage { summary, rows, .. } = found(again, READING)?;
        *page = HistoryPage {
            summary,
            rows,
            has_more: page.has_more,
        };
        Ok(())
    }
}

fn direction(request: &HistoryRequest) -> Result<Direction, Error> {
    let (cursor, direction) = match request.from {
        HistoryFrom::Newest => return Ok(Direction::Newest),
        HistoryFrom::Before(cursor) => (cursor, Direction::Before(cursor.seq())),
        HistoryFrom::After(cursor) => (cursor, Direction::After(cursor.seq())),
    };
    if cursor.conversation_id() == request.conversation_id {
        Ok(direction)
    } else {
        Err(Error::new(ErrorKind::InvalidCursor, READING))
    }
}

fn next_cursor(id: ConversationId, direction: Direction, page: &HistoryPage) -> Option<HistoryCursor> {
    match direction {
        Direction::Newest | Direction::Before(_) if page.has_more => page
            .rows
            .first()
            .map(|row| HistoryCursor::new(id, row.message.seq)),
        Direction::Newest | Direction::Before(_) | Direction::After(_) => None,
    }
}

/// Behind the newest message of the page, else where `after` stood, else before the first message.
fn newest_cursor(id: ConversationId, direction: Direction, rows: &[MessageRow]) -> HistoryCursor {
    let seq = match (rows.last(), direction) {
        (Some(row), _) => row.message.seq,
        (None, Direction::After(seq)) => seq,
        (None, Direction::Newest | Direction::Before(_)) => 0,
    };
    HistoryCursor::new(id, seq)
}
