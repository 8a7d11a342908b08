//! Taking a step that a concurrent change may defeat.

use crate::error::Error;

/// How often a step is decided anew after the conversation changed under it.
const MAX_DECISIONS: usize = 8;

/// Repeats an attempt until its step is applied: find what the decision is made on, decide, take the step. An attempt
/// answers `None` where the step met a [conflict](crate::store), so that it is decided anew on what has changed.
///
/// # Errors
/// The first error of an attempt; [`Unavailable`](crate::ErrorKind::Unavailable) after 8 conflicts in a row.
pub(super) async fn attempt<T, F>(doing: &'static str, mut step: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<Option<T>, Error>>,
{
    for _ in 0..MAX_DECISIONS {
        if let Some(done) = step().await? {
            return Ok(done);
        }
    }
    Err(Error::contended(doing))
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::error::ErrorKind;

    const DOING: &str = "testing";

    /// Returns the result of an attempt with this many conflicts, and the number of tries.
    fn after(conflicts: usize) -> (Result<&'static str, Error>, usize) {
        let mut made = 0;
        let attempted = attempt(DOING, || {
            made += 1;
            ready(Ok((made > conflicts).then_some("done")))
        });
        (attempted.now_or_never().unwrap(), made)
    }

    #[test]
    fn a_step_is_decided_again_after_each_conflict() {
        for conflicts in [0, 1, 7] {
            let (attempted, made) = after(conflicts);
            assert_eq!((attempted.unwrap(), made), ("done", conflicts + 1));
        }
    }

    #[test]
    fn after_8_conflicts_the_step_is_unavailable() {
        let (attempted, made) = after(8);
        let kind = attempted.unwrap_err().kind().clone();
        assert!(matches!(kind, ErrorKind::Unavailable { .. }), "{kind:?}");
        assert_eq!(made, 8);
    }

    #[test]
    fn an_error_ends_the_attempts() {
        let mut made = 0;
        let attempted = attempt(DOING, || {
            made += 1;
            ready(Err::<Option<()>, _>(Error::new(ErrorKind::NotFound, DOING)))
        });
        let error = attempted.now_or_never().unwrap().unwrap_err();
        assert_eq!((error.kind(), made), (&ErrorKind::NotFound, 1));
    }
}
