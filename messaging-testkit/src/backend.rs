use std::{any::Any, fmt, sync::Arc};

use futures_util::future::BoxFuture;
use messaging_core::store::Store;

/// A store implementation and its runtime. [`conformance!`](crate::conformance) implements it.
pub trait Backend: Sync {
    /// Runs a future to completion, on the one runtime of all futures of this backend. Called from several
    /// threads concurrently.
    fn run(&self, future: BoxFuture<'_, ()>);

    /// Creates a new empty store.
    fn fresh(&self) -> BoxFuture<'_, Fresh>;
}

/// An empty store and its guard.
pub struct Fresh {
    /// The store.
    pub store: Arc<dyn Store>,
    /// A value that lives as long as the store and is dropped after it.
    pub guard: Box<dyn Any + Send>,
}

impl Fresh {
    /// Combines a store with its guard: a temporary directory, or `()` if it needs none.
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
