use messaging_core::store::{StoreError, StoreErrorKind};

const MANY: usize = 10_000;

/// Repeats a step for as long as it loses against concurrent ones, as a caller of the store does.
///
/// # Panics
/// When the step fails otherwise, or loses without end.
pub(crate) async fn retry<T, Fut>(step: impl Fn() -> Fut + Send + Sync) -> T
where
    Fut: Future<Output = Result<T, StoreError>> + Send,
    T: Send,
{
    for _ in 0..MANY {
        match step().await {
            Err(error) if error.kind() == StoreErrorKind::Retry => {}
            done => return done.expect("a step among others succeeds"),
        }
    }
    panic!("a step lost against others {MANY} times")
}
