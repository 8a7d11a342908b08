//! The store in memory, before the suite that every store is held to.

use std::{future::ready, sync::LazyLock};

use messaging_core::memory::MemoryStore;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("threads can be started"));

fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

fn fresh_store() -> impl Future<Output = (MemoryStore, ())> {
    ready((MemoryStore::new(), ()))
}

messaging_testkit::conformance!(
    block_on,
    fresh_store,
    [digests, push, moderation, audit, activity, erasure, recount],
);
