//! The conformance suite, for every store and several configurations.

#[cfg(feature = "postgres")]
mod alone;
#[cfg(feature = "postgres")]
mod pooler;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod serializable;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::sync::LazyLock;

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Runtime::new().expect("a runtime"));

fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}
