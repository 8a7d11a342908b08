//! Look-ups that arrive together share a statement, as messages share a commit.
//!
//! ```text
//! look-up ─┬─ few statements of its kind in progress: a statement of its own, at once
//!          └─ otherwise it waits; the next statement that ends starts one for all waiting look-ups
//! a shared statement ─┬─ each look-up has its own answer
//!                     ├─ the database is unreachable: one error for all
//!                     └─ any other failure: each look-up is repeated by a statement of its own
//! ```
//!
//! A look-up alone costs the same statement as without sharing. A look-up that waits sees a snapshot that was taken after
//! it arrived. A look-up whose caller was dropped while it waited is left out.

mod queue;

use std::{iter, marker::PhantomData, slice, thread};

use messaging_core::store::StoreError;
use sqlx::{Error, Row as _, postgres::PgRow};
use tokio::runtime::Handle;

pub(super) use self::queue::Queue;
use self::queue::{Place, Waiting};
use super::{
    PgStore,
    call::Statement,
    conversations::ById,
    error::{Effect, Failure, corrupt, failed},
    list::{AgentList, ClientList},
    statements::Statements,
    unread::{AgentTotal, ClientTotal},
};

/// While the database computes a statement, the next one is sent.
const MIN_AT_ONCE: usize = 2;

/// A look-up whose kind has a statement for several.
pub(super) trait LookUp: Clone + Send + Sync + 'static {
    type Answer: Send + 'static;

    const DOING: &'static str;

    /// The maximum number of look-ups of a statement.
    const MAX_SHARED: usize;

    /// Returns the look-ups of this kind.
    fn queue(reads: &SharedReads) -> &QueueOf<Self>;

    /// The statement for one look-up.
    fn one(&self, texts: &Statements) -> Statement<'_>;

    /// The statement for several. Each of its rows has the `place` of its look-up, from 1; the rows are in no order.
    fn several<'q>(look_ups: &'q [Self], texts: &Statements) -> Statement<'q>;

    /// Reads the rows of one look-up, which are in no order.
    fn answer(&self, rows: &[PgRow]) -> Result<Self::Answer, Error>;
}

pub(super) type QueueOf<L> = Queue<L, Result<<L as LookUp>::Answer, StoreError>>;
type WaitingOf<L> = Waiting<L, Result<<L as LookUp>::Answer, StoreError>>;

/// The look-ups that share statements, by kind.
#[derive(Debug)]
pub(super) struct SharedReads {
    pub(super) by_id: QueueOf<ById>,
    pub(super) client_total: QueueOf<ClientTotal>,
    pub(super) agent_total: QueueOf<AgentTotal>,
    pub(super) client_list: QueueOf<ClientList>,
    pub(super) agent_list: QueueOf<AgentList>,
}

impl Default for SharedReads {
    fn default() -> Self {
        // This process reads the answers, so it gains nothing from more statements in progress than it has processors.
        let processors = thread::available_parallelism().map_or(MIN_AT_ONCE, usize::from);
        let at_once = processors.max(MIN_AT_ONCE);
        Self {
            by_id: Queue::new(at_once),
            client_total: Queue::new(at_once),
            agent_total: Queue::new(at_once),
            client_list: Queue::new(at_once),
            agent_list: Queue::new(at_once),
        }
    }
}

impl PgStore {
    /// Answers a look-up, possibly together with others of its kind.
    pub(super) async fn look_up<L: LookUp>(&self, look_up: &L) -> Result<L::Answer, StoreError> {
        match L::queue(&self.0.shared_reads).begin(look_up) {
            Place::Alone => {
                let _turn = Turn::<L>::new(self.clone());
                self.look_up_alone(look_up).await
            }
            Place::Shared(answered) => match answered.await {
                Ok(answer) => answer,
                Err(_) => self.look_up_alone(look_up).await,
            },
        }
    }

    async fn look_up_alone<L: LookUp>(&self, look_up: &L) -> Result<L::Answer, StoreError> {
        let texts = &self.0.statements;
        let statement = if self.0.batch_threshold > 1 {
            look_up.one(texts)
        } else {
            L::several(slice::from_ref(look_up), texts)
        };
        let rows = self.read(L::DOING, statement).await?;
        look_up.answer(&rows).map_err(failed(L::DOING))
    }

    /// Answers several look-ups by one statement. A look-up without an answer is repeated by its caller.
    async fn look_up_together<L: LookUp>(&self, shared: Vec<WaitingOf<L>>) {
        if self.admit(L::DOING).await.is_err() {
            return;
        }
        let of = |waiting: WaitingOf<L>| (waiting.look_up, waiting.answer);
        let (look_ups, answers): (Vec<_>, Vec<_>) = shared.into_iter().map(of).unzip();
        let statement = L::several(&look_ups, &self.0.statements);
        let rows = match self.0.caller.call(statement).await {
            Ok(rows) => by_place(rows, look_ups.len()),
            Err(failure @ Failure::Before(_)) => {
                let error = failure.into_error_for_each(L::DOING, Effect::Reads);
                for answer in answers {
                    answer.send(Err(error())).ok();
                }
                return;
            }
            Err(_) => return,
        };
        let Ok(rows) = rows else { return };
        for ((look_up, rows), answer) in look_ups.iter().zip(rows).zip(answers) {
            answer.send(look_up.answer(&rows).map_err(failed(L::DOING))).ok();
        }
    }
}

/// Groups rows by the look-up that they belong to.
fn by_place(rows: Vec<PgRow>, look_ups: usize) -> Result<Vec<Vec<PgRow>>, Error> {
    let mut grouped: Vec<_> = iter::repeat_with(Vec::new).take(look_ups).collect();
    for row in rows {
        let place: i64 = row.try_get("place")?;
        let group = usize::try_from(place - 1).ok().and_then(|at| grouped.get_mut(at));
        group.ok_or_else(|| corrupt("a row of no look-up"))?.push(row);
    }
    Ok(grouped)
}

/// A statement in progress. Its end, or the end of its caller, starts the next one.
struct Turn<L: LookUp> {
    store: PgStore,
    of: PhantomData<fn(L)>,
}

impl<L: LookUp> Turn<L> {
    fn new(store: PgStore) -> Self {
        Self {
            store,
            of: PhantomData,
        }
    }
}

impl<L: LookUp> Drop for Turn<L> {
    fn drop(&mut self) {
        let shared = L::queue(&self.store.0.shared_reads).end(L::MAX_SHARED);
        if shared.is_empty() {
            return;
        }
        let turn = Self::new(self.store.clone());
        // Without a runtime, as after its shutdown, the turn ends here: the callers repeat their look-ups.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { turn.store.look_up_together::<L>(shared).await });
        }
    }
}
