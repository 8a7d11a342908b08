use futures_util::{StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};

use tracing::instrument;

use super::Operations;
use crate::{
    domain::{
        change::Change, conversation::ConversationSummary, page::PageSize, receipt::MessageRow,
        report::Report, shown::Shown, side::Side,
    },
    error::Error,
    id::{BookingId, ConversationId, UserId},
    store::{Direction, HistoryScan, ReportScan, StoreError, StoreErrorKind, Traces},
    use_case::{attempt::attempt, found},
};

const ERASING: &str = "erasing a user";
const EXPORTING: &str = "exporting what is of a user";

/// How many conversations are looked at in one step.
const CHUNK: usize = 200;

/// What has been erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Erased {
    /// In how many conversations the user stood on a side, or had written.
    pub conversations: u64,
    /// How many messages are empty now.
    pub messages: u64,
    /// From how many resolved reports the user was erased.
    pub reports: u64,
    /// How many open reports still name the user, or have copies of their messages: repeat the erasure when they are
    /// resolved.
    pub open_reports: u64,
}

/// Something that is of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exported {
    /// A conversation in which they stand on a side, or have written. What is in it follows.
    Conversation {
        /// The conversation.
        summary: Box<ConversationSummary>,
        /// On which side they stand; `None` where another user stands there now.
        side: Option<Side>,
        /// The bookings linked to it, the newest link first.
        bookings: Vec<BookingId>,
    },
    /// A message, in the order of their seqs: all of the conversation, or their own where they stand on no side.
    #[non_exhaustive]
    Message {
        /// The message, and when each side read it.
        row: MessageRow,
        /// The text, as shown.
        text: Shown,
    },
    /// A report that they made.
    Report(Report),
}

impl<'a> Operations<'a> {
    /// Forgets a user: their messages become empty, and in each conversation the
    /// [erased user](crate::domain::erasure::erased_user) stands in their place. Seqs, times, counters and what others wrote stay. What has not been published yet is published as it
    /// is then. No digest about it is sent any more, and their subscriptions end.
    ///
    /// # What stays
    ///
    /// - *Open reports*, whole: who made them and about whom, what was said, and the copied messages. Staff need them to
    ///   decide. [`Erased::open_reports`] says how many; erase the user again when they are resolved.
    /// - Of *resolved reports*: that there was one, in which conversation, when, how it ended, by which admin, and what that
    ///   admin noted, which may name people. The user's id, what they said in reports that they made, and their messages
    ///   among the evidence are gone.
    /// - *The audit log*: the ids of admins, and of the conversations that they looked at. It names no participant; that an
    ///   erased user was an admin stays in it.
    /// - *Your own data*, logs and backups, and what the other side was mailed or pushed.
    ///
    /// # Use
    ///
    /// A call for the host, which decides who may make it, and after which no login should have this user's
    /// id; another user has to be [assigned](Self::reassign_agent) to agents that they answered for. It reads every
    /// conversation once, 200 at a time. What an interrupted call has erased stays erased; repeating it erases the
    /// rest.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): repeat it.
    #[instrument(level = "debug", skip_all, fields(%user_id))]
    pub async fn erase_user(self, user_id: &UserId) -> Result<Erased, Error> {
        let mut erased = Erased::default();
        let mut after = None;
        loop {
            let traces = self.traces(user_id, after, ERASING).await?;
            for id in traces.conversations {
                erased.messages += self.erase_in(id, user_id).await?;
                erased.conversations += 1;
            }
            match traces.looked_up_to {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        let reports = self.messaging.erasure(ERASING)?.erase_from_reports(user_id).await;
        let reports = reports.map_err(|error| Error::store(error, ERASING))?;
        (erased.reports, erased.open_reports) = (reports.erased, reports.open);
        let forgotten = self.messaging.erasure(ERASING)?.forget_user(user_id).await;
        forgotten.map_err(|error| Error::store(error, ERASING))?;
        Ok(erased)
    }

    /// Everything that is of a user, in the order of the conversations' ids: for the host, which hands it to them. It
    /// reads every conversation once, 200 at a time, the next ones when what was found has been taken.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store is. The first error ends the stream.
    pub fn export_user(self, user_id: &UserId) -> BoxStream<'a, Result<Exported, Error>> {
        let user = user_id.clone();
        let chunks = stream::try_unfold(None, move |after: Option<ConversationId>| {
            let user = user.clone();
            async move {
                let traces = self.traces(&user, after, EXPORTING).await?;
                let last = traces.looked_up_to;
                Ok(last.map(|last| (traces.conversations, Some(last))))
            }
        });
        let user = user_id.clone();
        let conversations = chunks.map_ok(|ids| stream::iter(ids).map(Ok)).try_flatten();
        let of_conversations = conversations.and_then(move |id| {
            let user = user.clone();
            async move { self.export_conversation(id, user).await }
        });
        let user = user_id.clone();
        let reports = stream::once(async move { self.reports_by(&user).await });
        let reports =
            reports.map_ok(|reports| stream::iter(reports.into_iter().map(Exported::Report)).map(Ok));
        of_conversations
            .try_flatten()
            .chain(reports.try_flatten())
            .boxed()
    }

    async fn traces(
        self,
        of: &UserId,
        after: Option<ConversationId>,
        doing: &'static str,
    ) -> Result<Traces, Error> {
        let traces = self.messaging.erasure(doing)?.list_traces(of, after, CHUNK).await;
        let traces = traces.map_err(|error| Error::store(error, doing))?;
        // Else a store that does not move on would be asked without an end.
        if after.is_some() && traces.looked_up_to.is_some_and(|last| Some(last) <= after) {
            return Err(Error::store(
                StoreError::new(StoreErrorKind::Corrupt, "looking for traces"),
                doing,
            ));
        }
        Ok(traces)
    }

    /// Ends the user's part in the conversation first, so that no later send is theirs, and then erases their messages.
    async fn erase_in(self, id: ConversationId, user_id: &UserId) -> Result<u64, Error> {
        let has_left = attempt(ERASING, || async {
            let conversation = found(self.messaging.stored(id, ERASING).await?, ERASING)?;
            let Some(side) = conversation.side_of(user_id) else {
                return Ok(Some(()));
            };
            // The next look shows whether the user is on the other side, too.
            self.messaging
                .try_change(&conversation, &Change::Erase(side))
                .await?;
            Ok(None)
        });
        has_left.await?;
        let erased = self.messaging.erasure(ERASING)?.erase_messages(id, user_id).await;
        erased.map_err(|error| Error::store(error, ERASING))
    }

    /// A conversation, and its messages page by page.
    async fn export_conversation(
        self,
        id: ConversationId,
        user: UserId,
    ) -> Result<BoxStream<'a, Result<Exported, Error>>, Error> {
        let failed = |error| Error::store(error, EXPORTING);
        let summary = self.messaging.store().find_summary(id).await.map_err(failed)?;
        let summary = Box::new(found(summary, EXPORTING)?);
        let bookings = self.messaging.store().list_bookings(id).await.map_err(failed)?;
        let side = summary.conversation.side_of(&user);
        let first = Exported::Conversation {
            summary,
            side,
            bookings,
        };
        let pages = stream::try_unfold(Some(0), move |after: Option<u64>| async move {
            let Some(after) = after else { return Ok(None) };
            let scan = HistoryScan {
                conversation_id: id,
                direction: Direction::After(after),
                limit: PageSize::HISTORY,
            };
            let page = self
                .messaging
                .store()
                .list_messages(&scan)
                .await
                .map_err(failed)?;
            let page = found(page, EXPORTING)?;
            let last = page.rows.last().map(|row| row.message.seq);
            Ok(Some((page.rows, last.filter(|_| page.has_more))))
        });
        let messages = pages.map_ok(|rows| stream::iter(rows).map(Ok)).try_flatten();
        let is_theirs = move |row: &MessageRow| side.is_some() || row.message.origin.sender() == Some(&user);
        let messages = messages.try_filter(move |row| std::future::ready(is_theirs(row)));
        Ok(stream::iter([Ok(first)]).chain(messages.map_ok(exported)).boxed())
    }

    async fn reports_by(self, user_id: &UserId) -> Result<Vec<Report>, Error> {
        let (mut made, mut before) = (Vec::new(), None);
        loop {
            let scan = ReportScan {
                status: None,
                before,
                hidden_from: None,
                limit: CHUNK,
            };
            let listed = self.messaging.moderation(EXPORTING)?.list_reports(&scan).await;
            let listed = listed.map_err(|error| Error::store(error, EXPORTING))?;
            let Some(last) = listed.last() else {
                return Ok(made);
            };
            before = Some(last.id);
            made.extend(listed.into_iter().filter(|report| report.reporter_id == *user_id));
        }
    }
}

fn exported(row: MessageRow) -> Exported {
    Exported::Message {
        text: Shown::of(&row.message),
        row,
    }
}
