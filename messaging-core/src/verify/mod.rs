//! Verification: compares the values that a store keeps with a recount of its messages.
//!
//! For operators in doubt, and for tests. It takes no locks and can run beside writes: each conversation is read as of
//! one moment.
//!
//! ```
//! use futures_util::TryStreamExt;
//! use messaging_core::{memory::MemoryStore, verify::{ConversationRange, verify}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), messaging_core::store::StoreError> {
//! let store = MemoryStore::new();
//! let mut discrepancies = verify(&store, ConversationRange::all());
//! while let Some(discrepancy) = discrepancies.try_next().await? {
//!     println!("{discrepancy}");
//! }
//! # Ok(()) }
//! ```

mod compare;
mod discrepancy;

use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};

pub(crate) use compare::compare;
pub use discrepancy::{Discrepancy, Finding};

use crate::{
    id::ConversationId,
    store::{Recount, RecountScan, RecountStore, StoreError, StoreErrorKind},
};

/// The number of conversations recounted in one call of the store.
const CHUNK: usize = 1_000;

/// Recounts the conversations of a range in the order of their ids, and yields every discrepancy as it is found.
///
/// Reads 1,000 conversations at a time, and reads no chunk before the discrepancies of the previous ones have been
/// taken.
///
/// # Errors
/// The errors of the store, and [`Corrupt`](StoreErrorKind::Corrupt) if it returns conversations out of order. The
/// first error ends the stream: to continue, verify the rest of the range.
pub fn verify(
    store: &dyn RecountStore,
    range: ConversationRange,
) -> BoxStream<'_, Result<Discrepancy, StoreError>> {
    in_chunks(store, range, CHUNK)
}

/// A range of conversations by id. UUIDv7 ids are in the order in which the conversations were opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationRange {
    after: Option<ConversationId>,
    up_to: Option<ConversationId>,
}

impl ConversationRange {
    /// All conversations.
    pub const fn all() -> Self {
        let (after, up_to) = (None, None);
        Self { after, up_to }
    }

    /// Limits the range to ids greater than this one.
    pub const fn after(self, id: ConversationId) -> Self {
        let after = Some(id);
        Self { after, ..self }
    }

    /// Limits the range to ids up to this one, included.
    pub const fn up_to(self, id: ConversationId) -> Self {
        let up_to = Some(id);
        Self { up_to, ..self }
    }
}

fn in_chunks(
    store: &dyn RecountStore,
    range: ConversationRange,
    limit: usize,
) -> BoxStream<'_, Result<Discrepancy, StoreError>> {
    let chunks = stream::try_unfold(Some(range), move |rest| async move {
        let Some(ConversationRange { after, up_to }) = rest else {
            return Ok(None);
        };
        let recounts = store
            .recount_conversations(&RecountScan { after, up_to, limit })
            .await?;
        goes_on(&recounts, after)?;
        let found: Vec<_> = recounts.iter().flat_map(compare).map(Ok).collect();
        let last = recounts.last().filter(|_| recounts.len() == limit);
        let rest = last.map(|recount| ConversationRange {
            after: Some(recount.conversation.id),
            up_to,
        });
        Ok(Some((stream::iter(found), rest)))
    });
    chunks.try_flatten().boxed()
}

/// Fails if the ids do not ascend: a store that returns the same chunk again would be recounted without an end.
fn goes_on(recounts: &[Recount], after: Option<ConversationId>) -> Result<(), StoreError> {
    let ids = recounts.iter().map(|recount| recount.conversation.id);
    if after
        .into_iter()
        .chain(ids)
        .is_sorted_by(|before, next| before < next)
    {
        return Ok(());
    }
    Err(StoreError::new(
        StoreErrorKind::Corrupt,
        "counting in the order of ids",
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use uuid::Uuid;

    use super::{discrepancy::Finding::LastSeq, *};

    /// Conversations 1 to 7, each with one discrepancy. Reading after `broken_after` fails, if it is set.
    struct Seven {
        calls: AtomicUsize,
        broken_after: Option<u128>,
    }

    impl Seven {
        fn new(broken_after: Option<u128>) -> Self {
            let calls = AtomicUsize::new(0);
            Self { calls, broken_after }
        }
    }

    fn id(n: u128) -> ConversationId {
        ConversationId::new(Uuid::from_u128(n))
    }

    #[async_trait]
    impl RecountStore for Seven {
        async fn recount_conversations(&self, scan: &RecountScan) -> Result<Vec<Recount>, StoreError> {
            self.calls.fetch_add(1, Ordering::Relaxed);
            if scan.after.is_some() && scan.after == self.broken_after.map(id) {
                return Err(StoreError::new(StoreErrorKind::Corrupt, "counting"));
            }
            let within = |id: &ConversationId| {
                scan.after.is_none_or(|after| *id > after) && scan.up_to.is_none_or(|up_to| *id <= up_to)
            };
            let ids = (1..=7).map(id).filter(within).take(scan.limit);
            Ok(ids
                .map(|id| {
                    let mut recount = compare::tests::sound();
                    recount.conversation.id = id;
                    recount.conversation.last_seq += 1;
                    recount
                })
                .collect())
        }
    }

    async fn walk(range: ConversationRange, chunk: usize) -> (Vec<ConversationId>, usize) {
        let store = Seven::new(None);
        let found: Vec<_> = in_chunks(&store, range, chunk).try_collect().await.unwrap();
        assert!(found.iter().all(|one| matches!(one.finding, LastSeq { .. })));
        let ids = found.iter().map(|one| one.conversation_id).collect();
        (ids, store.calls.into_inner())
    }

    #[tokio::test]
    async fn each_conversation_of_a_range_is_visited_once_for_every_chunk_size() {
        let all: Vec<_> = (1..=7).map(id).collect();
        for (chunk, calls) in [(1, 8), (2, 4), (3, 3), (7, 2), (8, 1), (1_000, 1)] {
            assert_eq!(walk(ConversationRange::all(), chunk).await, (all.clone(), calls));
            let some = ConversationRange::all().after(id(2)).up_to(id(5));
            assert_eq!(walk(some, chunk).await.0, all[2..5]);
        }
        assert_eq!(walk(ConversationRange::all().after(id(7)), 3).await, (vec![], 1));
    }

    #[tokio::test]
    async fn a_chunk_is_read_only_after_the_previous_one_was_consumed() {
        let store = Seven::new(None);
        let mut found = in_chunks(&store, ConversationRange::all(), 2);
        let mut calls = vec![store.calls.load(Ordering::Relaxed)];
        while found.try_next().await.unwrap().is_some() {
            calls.push(store.calls.load(Ordering::Relaxed));
        }
        assert_eq!(calls, [0, 1, 1, 2, 2, 3, 3, 4]);
    }

    /// Returns the same conversation for every scan.
    struct Again;

    #[async_trait]
    impl RecountStore for Again {
        async fn recount_conversations(&self, _: &RecountScan) -> Result<Vec<Recount>, StoreError> {
            Ok(vec![compare::tests::sound()])
        }
    }

    #[tokio::test]
    async fn a_store_that_repeats_a_chunk_is_an_error() {
        let found: Vec<_> = in_chunks(&Again, ConversationRange::all(), 1).collect().await;
        let kinds: Vec<_> = found.into_iter().map(|one| one.unwrap_err().kind()).collect();
        assert_eq!(kinds, [StoreErrorKind::Corrupt]);
    }

    #[tokio::test]
    async fn an_error_ends_the_stream() {
        let store = Seven::new(Some(4));
        let found: Vec<_> = in_chunks(&store, ConversationRange::all(), 2).collect().await;
        assert!(found[..4].iter().all(Result::is_ok) && found[4].is_err());
        assert_eq!(found.len(), 5);
    }
}
