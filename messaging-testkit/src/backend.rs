use std::{any::Any, fmt, sync::Arc};

use futures_util::future::BoxFuture;
use messaging_core::store::Store;

/// A kind of store, and the runtime it lives on. [`conformance!`](crate::conformance) writes one.
pub trait Backend: Sync {
    /// Runs a future to its end, on the one runtime that all others given to this run on too. Called from
    /// several threads at a time.
    fn run(&self, future: BoxFuture<'_, ()>);

    /// A new store with nothing in it.
    fn fresh(&self) -> BoxFuture<'_, Fresh>;
}

/// A store with nothing in it.
pub struct Fresh {
    /// The store.
    pub store: Arc<dyn Store>,
    /// What has to live as long as the store does, and is dropped after it.
    pub guard: Box<dyn Any + Send>,
}

impl Fresh {
    /// A store, and what has to live as long as it does: a temporary directory, `()` when there is nothing.
    pub fn new(store: impl Store + 'static, guard: impl Any + Send) -> Self {
        Self {
            store: Arc::new(store),
            guard: Box::new(guard),
        }
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}
