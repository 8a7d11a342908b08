//! The memory store passes the conformance suite.

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
