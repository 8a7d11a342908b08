use messaging_core::{
    domain::{cursor::ListCursor, scope::ListScope},
    store::{Direction, HistoryPage, HistoryScan, ListPage, ListScan, ListStart},
};
use proptest::{prop_assert_eq, test_runner::TestCaseResult};

use super::{
    super::{
        naive::NaiveThread,
        step::{PageDirection, ScopeChoice, Start, Step},
    },
    Pair, same,
};
use crate::make::{agency_id, agent_user_id, client_id, limit};

impl Pair<'_> {
    pub(super) async fn view(&self, step: &Step) -> TestCaseResult {
        match *step {
            Step::Page { of, direction, size } => match self.choose(of) {
                Some(nth) => self.page(nth, direction, size).await,
                None => Ok(()),
            },
            Step::List { scope, start, size } => self.list(&scope_of(scope), start, size).await,
            _ => Ok(()),
        }
    }

    async fn page(&self, nth: usize, direction: PageDirection, size: usize) -> TestCaseResult {
        let thread = &self.threads[nth];
        let scan = HistoryScan::new(
            thread.conversation().id,
            match direction {
                PageDirection::Newest => Direction::Newest,
                PageDirection::Before(seq) => Direction::Before(seq),
                PageDirection::After(seq) => Direction::After(seq),
            },
            limit(size),
        );
        let is_there = |seq: u64| match direction {
            PageDirection::Newest => true,
            PageDirection::Before(before) => seq < before,
            PageDirection::After(after) => seq > after,
        };
        let there = thread.messages.iter().filter(|message| is_there(message.seq));
        let mut rows: Vec<_> = there.map(|message| thread.row(message)).collect();
        let has_more = rows.len() > size;
        match direction {
            PageDirection::After(_) => rows.truncate(size),
            PageDirection::Newest | PageDirection::Before(_) => {
                drop(rows.drain(..rows.len().saturating_sub(size)));
            }
        }
        let expected = HistoryPage::new(thread.summary(), rows).with_has_more(has_more);
        let page = self.store.list_messages(&scan).await?;
        same("a page of a history", &page, &Some(expected))
    }

    async fn list(&self, scope: &ListScope, start: Start, size: usize) -> TestCaseResult {
        let place = |thread: &NaiveThread| {
            let conversation = thread.conversation();
            (conversation.activity_at, conversation.id)
        };
        let mut mine: Vec<_> = self.threads.iter().filter(|one| one.is_in(scope)).collect();
        mine.sort_by_key(|thread| std::cmp::Reverse(place(thread)));

        let unread: u64 = mine.iter().map(|thread| thread.unread_in(scope)).sum();
        prop_assert_eq!(self.store.count_unread(scope).await?, unread);
        let count = mine.len() as u64;
        prop_assert_eq!(self.store.count_conversations(scope, 2).await?, count.min(2));
        prop_assert_eq!(self.store.count_conversations(scope, 1_000).await?, count);

        let start = match start {
            Start::Newest => ListStart::Newest,
            Start::Skip(skipped) => ListStart::Skip(skipped),
            Start::After(number) => self.choose(number).map_or(ListStart::Newest, |nth| {
                let (activity_at, id) = place(&self.threads[nth]);
                ListStart::After(ListCursor::new(scope.clone(), activity_at, id))
            }),
        };
        let mut rest: Vec<_> = match &start {
            ListStart::Newest => mine,
            ListStart::Skip(skipped) => mine.into_iter().skip(*skipped).collect(),
            ListStart::After(cursor) => {
                let behind = |thread: &&NaiveThread| place(thread) < (cursor.activity_at(), cursor.id());
                mine.into_iter().filter(behind).collect()
            }
        };
        let has_more = rest.len() > size;
        rest.truncate(size);
        let expected =
            ListPage::new(rest.into_iter().map(NaiveThread::summary).collect()).with_has_more(has_more);
        let scan = ListScan::new(scope.clone(), start, limit(size));
        let page = self.store.list_conversations(&scan).await?;
        same("a page of a list", &page, &expected)
    }
}

fn scope_of(scope: ScopeChoice) -> ListScope {
    match scope {
        ScopeChoice::Client(n) => ListScope::Client(client_id(n)),
        ScopeChoice::All(n) => ListScope::All(client_id(n)),
        ScopeChoice::Agent(agency, user) => ListScope::Agent {
            agent_id: agency_id(agency),
            user_id: agent_user_id(user),
        },
    }
}
