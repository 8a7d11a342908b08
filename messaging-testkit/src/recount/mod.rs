//! Recounting a store: every number that it keeps is computed again from its messages.

mod findings;
mod published;
mod thread;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use messaging_core::{
    domain::{
        conversation::{Conversation, ConversationSummary},
        cursor::ListCursor,
        page::PageSize,
        scope::ListScope,
    },
    id::ConversationId,
    store::{DeadLetter, ListScan, ListStart, RecountScan, Store, StoreError},
    verify::{ConversationRange, verify},
};

use crate::{
    limit::Rounds,
    make::{limit, user_id},
};
use findings::Findings;
use thread::{PAGES, Thread};

/// Reads everything in a store through its port, and recomputes every number in it.
///
/// For each conversation: seqs are 1 to n, times never decrease, positions, scopes, read positions and unread
/// counts follow from the messages, read times match receipts of existing messages, no key occurs twice, and
/// all queries agree. Overall: one conversation per pair, and each user's list and total match the
/// conversations. The store's own recount, [`verify`], covers every conversation and finds no discrepancy
/// either.
///
/// Requires that no concurrent writes happen. For tests only: all messages are kept in memory.
///
/// # Errors
/// Those of the store. A discrepancy is not an error: see [`discrepancies`](Recount::discrepancies).
pub async fn recount(store: &dyn Store) -> Result<Recount, StoreError> {
    let mut findings = Findings::default();
    let everything = ListScope::All(user_id("unknown"));
    let summaries = walk(store, &everything).await?;
    let mut threads = BTreeMap::new();
    let mut pairs = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for summary in summaries {
        let conversation = &summary.conversation;
        let pair = (conversation.client_id.clone(), conversation.agent_id.clone());
        findings.unless(pairs.insert(pair), || {
            format!("{} has the pair of another one", conversation.id)
        });
        let thread = Thread::read(store, summary, &mut findings).await?;
        for row in &thread.rows {
            findings.unless(ids.insert(row.message.id), || {
                format!("{} occurs twice", row.message.id)
            });
        }
        findings.unless(threads.insert(thread.id(), thread).is_none(), || {
            "a walk of all conversations returned one twice".to_owned()
        });
    }
    check_inboxes(store, &threads, &mut findings).await?;
    check_own_recount(store, &threads, &mut findings).await?;
    Ok(Recount {
        threads,
        dead_letters: all_dead_letters(store).await?,
        findings,
    })
}

/// The result of a recount.
#[derive(Debug)]
pub struct Recount {
    threads: BTreeMap<ConversationId, Thread>,
    dead_letters: Vec<DeadLetter>,
    findings: Findings,
}

impl Recount {
    /// Returns the number of conversations.
    pub fn conversations(&self) -> usize {
        self.threads.len()
    }

    /// Returns the number of messages.
    pub fn messages(&self) -> usize {
        self.threads.values().map(|thread| thread.rows.len()).sum()
    }

    /// Returns the discrepancies, each as a sentence; empty if there are none.
    pub fn discrepancies(&self) -> &[String] {
        &self.findings.0
    }

    /// Fails the test if there is a discrepancy.
    ///
    /// # Panics
    /// If there is a discrepancy.
    pub fn assert_clean(&self) {
        assert!(self.findings.0.is_empty(), "{:#?}", self.findings.0);
    }
}

/// Lists all dead letters, page by page.
pub(crate) async fn all_dead_letters(store: &dyn Store) -> Result<Vec<DeadLetter>, StoreError> {
    const PAGE: usize = 100;
    let mut walked = store.list_dead_letters(None, PAGE).await?;
    let mut pages = Rounds::at_most(PAGES, "paging through the dead letters has not ended");
    while let Some(last) = walked.last().map(DeadLetter::position) {
        pages.begin();
        let page = store.list_dead_letters(Some(&last), PAGE).await?;
        // A store that returns to the start would never end.
        if page.first().is_none_or(|first| first.position() <= last) {
            break;
        }
        walked.extend(page);
    }
    Ok(walked)
}

async fn walk(store: &dyn Store, scope: &ListScope) -> Result<Vec<ConversationSummary>, StoreError> {
    let mut walked: Vec<ConversationSummary> = Vec::new();
    let mut start = ListStart::Newest;
    let mut pages = Rounds::at_most(PAGES, "paging through a list has not ended");
    loop {
        pages.begin();
        let scan = ListScan::new(scope.clone(), start, limit(PageSize::MAX));
        let page = store.list_conversations(&scan).await?;
        let place = |row: &ConversationSummary| (row.conversation.activity_at, row.conversation.id);
        let goes_on = match (walked.last(), page.rows.last()) {
            (Some(before), Some(last)) => place(last) < place(before),
            _ => true,
        };
        walked.extend(page.rows);
        match walked.last() {
            Some(ConversationSummary {
                conversation: last, ..
            }) if page.has_more && goes_on => {
                start = ListStart::After(ListCursor::new(scope.clone(), last.activity_at, last.id));
            }
            _ => return Ok(walked),
        }
    }
}

/// Checks each user's list, and the total of each side.
async fn check_inboxes(
    store: &dyn Store,
    threads: &BTreeMap<ConversationId, Thread>,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let mut scopes: Vec<ListScope> = Vec::new();
    for thread in threads.values() {
        for scope in scopes_of(thread.conversation()) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
    }
    for scope in scopes {
        let mine = |thread: &&Thread| scopes_of(thread.conversation()).contains(&scope);
        let mut expected: Vec<_> = threads.values().filter(mine).collect();
        expected.sort_by_key(|thread| std::cmp::Reverse((thread.conversation().activity_at, thread.id())));

        let listed: Vec<_> = walk(store, &scope).await?;
        let listed: Vec<_> = listed.iter().map(|row| row.conversation.id).collect();
        let ids: Vec<_> = expected.iter().map(|thread| thread.id()).collect();
        findings.same(format_args!("the list of {scope:?}"), &listed, &ids);

        let total: u64 = expected.iter().map(|thread| thread.unread(&scope)).sum();
        let counted = store.count_unread(&scope).await?;
        findings.same(format_args!("the total of {scope:?}"), &counted, &total);
        let count = store.count_conversations(&scope, u64::from(u32::MAX)).await?;
        let expected = expected.len() as u64;
        findings.same(format_args!("the size of {scope:?}"), &count, &expected);
    }
    Ok(())
}

/// Checks the store's own recount, if it has one.
async fn check_own_recount(
    store: &dyn Store,
    threads: &BTreeMap<ConversationId, Thread>,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let Some(store) = store.recount() else {
        return Ok(());
    };
    let mut found = verify(store, ConversationRange::all());
    while let Some(discrepancy) = found.try_next().await? {
        findings.0.push(discrepancy.to_string());
    }
    let (after, up_to, limit) = (None, None, usize::MAX);
    let recounts = store
        .recount_conversations(&RecountScan::new(limit).with_after(after).with_up_to(up_to))
        .await?;
    let counted: Vec<_> = recounts.iter().map(|recount| recount.conversation.id).collect();
    let ids: Vec<_> = threads.keys().copied().collect();
    findings.same(
        format_args!("the conversations of the store's recount"),
        &counted,
        &ids,
    );
    Ok(())
}

fn scopes_of(conversation: &Conversation) -> [ListScope; 2] {
    let agent = ListScope::Agent {
        agent_id: conversation.agent_id.clone(),
        user_id: conversation.agent_user_id.clone(),
    };
    [ListScope::Client(conversation.client_id.clone()), agent]
}
