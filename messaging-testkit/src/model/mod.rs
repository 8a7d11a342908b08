//! The store next to a model that recounts everything, in random sequences of steps.

mod compare;
mod naive;
mod outbox;
mod step;

use proptest::test_runner::{Config, TestCaseResult, TestRunner};

use crate::{Backend, limit::in_time, recount::recount};
use compare::Pair;
use step::Step;

/// Takes random sequences of steps to fresh stores and to a deliberately naive model, and compares every
/// answer. `PROPTEST_CASES` says how many sequences.
///
/// The model holds a plain list of messages and of receipts, and counts anew whenever it is asked: no
/// counters, no positions. Its clock goes backwards too.
///
/// # Panics
/// When store and model differ; with the shortest sequence of steps in which they do.
pub fn compare_with_model(backend: &dyn Backend) {
    compare(backend, Config::default().cases);
}

/// The same with so many sequences: for a store that is compared on many in another configuration.
///
/// # Panics
/// As [`compare_with_model`] does.
pub fn compare_with_model_briefly(backend: &dyn Backend, sequences: u32) {
    compare(backend, sequences);
}

fn compare(backend: &dyn Backend, cases: u32) {
    let config = Config {
        cases,
        // What fails is shown as a list of steps, which says more than a seed.
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
        panic!("the store is not what the model is: {error}");
    }
}

async fn check(backend: &dyn Backend, steps: &[Step]) -> TestCaseResult {
    let fresh = backend.fresh().await;
    let mut pair = Pair::new(&*fresh.store);
    for step in steps {
        pair.take(step).await?;
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
