use messaging_core::store::{StoreError, StoreErrorKind};

const MANY: usize = 10_000;

/// Repeats a step until it wins against the concurrent ones, as a caller of the store does.
///
/// # Panics
/// If the step fails otherwise, or conflicts without end.
pub(crate) async fn retry<T, Fut>(step: impl Fn() -> Fut + Send + Sync) -> T
where
    Fut: Future<Output = Result<T, StoreError>> + Send,
    T: Send,
{
    for _ in 0..MANY {
        match step().await {
            Err(error) if error.kind() == StoreErrorKind::Retry => {}
            done => return done.expect("a step that is repeated succeeds"),
        }
    }
    panic!("a step had {MANY} conflicts")
}
