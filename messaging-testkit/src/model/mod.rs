//! Comparison of a store with a model that recounts everything, in random sequences of steps.

mod compare;
mod loading;
mod naive;
mod outbox;
mod step;

use proptest::test_runner::{Config, TestCaseResult, TestRunner};

use crate::{Backend, limit::in_time, recount::recount};
use compare::Pair;
use step::Step;

/// Applies random sequences of steps to fresh stores and to a deliberately naive model, and compares every
/// result. `PROPTEST_CASES` sets the number of sequences.
///
/// The model holds plain lists of messages and receipts, and recounts on every query: it keeps no counters and
/// no positions. Its clock also goes backwards.
///
/// # Panics
/// If store and model differ; shows the shortest failing sequence of steps.
pub fn compare_with_model(backend: &dyn Backend) {
    compare(backend, Config::default().cases);
}

/// Like [`compare_with_model`], with the given number of sequences. For a store whose full comparison runs in
/// another configuration.
///
/// # Panics
/// Like [`compare_with_model`].
pub fn compare_with_model_briefly(backend: &dyn Backend, sequences: u32) {
    compare(backend, sequences);
}

fn compare(backend: &dyn Backend, cases: u32) {
    let config = Config {
        cases,
        // Failures are shown as a list of steps, which is more useful than a seed.
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&step::sequences(), |steps| {
        let mut outcome = Ok(());
        backend.run(Box::pin(async {
            outcome = in_time("a sequence of steps", check(backend, &steps)).await;
        }));
        outcome
    });
    if let Err(error) = outcome {
        panic!("the store differs from the model: {error}");
    }
}

async fn check(backend: &dyn Backend, steps: &[Step]) -> TestCaseResult {
    let fresh = backend.fresh().await;
    let mut pair = Pair::new(&*fresh.store);
    for step in steps {
        pair.apply(step).await?;
    }
    pair.compare_everything().await?;
    let recounted = recount(&*fresh.store).await?;
    proptest::prop_assert!(
        recounted.discrepancies().is_empty(),
        "{:#?}",
        recounted.discrepancies()
    );
    Ok(())
}
