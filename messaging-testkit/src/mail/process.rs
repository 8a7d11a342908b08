use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::{Either, select};
use messaging_core::{
    Messaging, Timestamp, Workers,
    clock::{IdSource, ManualClock},
    id::Bucket,
    store::{Store, StoreError},
};
use uuid::Uuid;

use super::{
    ledger::Away,
    mail_server::{MailServer, ServerConnection},
    policy::POLICY,
};
use crate::fake::{FailingStore, FakeDirectory, Signal};

/// A process with workers.
pub(super) struct Process {
    store: FailingStore<Arc<dyn Store>>,
    workers: Workers,
    dead: Signal,
}

impl Process {
    pub(super) fn start(
        store: &Arc<dyn Store>,
        directory: &FakeDirectory,
        server: &MailServer,
        clock: &ManualClock,
    ) -> Self {
        let (store, dead) = (FailingStore::new(store.clone()), Signal::default());
        let connection = ServerConnection {
            server: server.clone(),
            process: NEXT.fetch_add(1, Ordering::Relaxed),
            dead: dead.clone(),
        };
        let (_, workers) = Messaging::builder(store.clone(), directory.clone())
            .digests(connection, POLICY())
            .presence(Away(server.ledger().clone()))
            .clock(clock.clone())
            .ids(Ids)
            .build()
            .expect("the service builds");
        Self { store, workers, dead }
    }

    /// Kills the process at the given call of the store from now.
    pub(super) fn die_at(&self, call: u64) {
        self.store.hang(call);
    }

    /// Mails all due users; `false` if the process dies.
    pub(super) async fn step(&self) -> Result<bool, StoreError> {
        let digests = self.workers.digests().expect("a mailer is configured");
        let (hung, dead) = (pin!(self.store.hung()), pin!(self.dead.given()));
        let death = select(hung, dead);
        match select(pin!(digests.step()), death).await {
            Either::Left((stepped, _)) => stepped.map(|_| true),
            Either::Right(_) => Ok(false),
        }
    }
}

/// Ids that are unique across processes.
struct Ids;

static NEXT: AtomicU64 = AtomicU64::new(1);

impl IdSource for Ids {
    fn new_id(&self, _: Timestamp) -> Uuid {
        Uuid::from_u128(u128::from(NEXT.fetch_add(1, Ordering::Relaxed)) << Bucket::BITS)
    }

    fn chance(&self) -> f64 {
        0.5
    }
}
