//! Back-off: the pause before a failed call is repeated.

use std::time::Duration;

/// The longest pause before another try.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(30);

/// The longest pause before the second try. It doubles with every further try.
const FIRST_DELAY: Duration = Duration::from_millis(500);

/// The pause after `failures` failures in a row: exponential with full jitter, at most [`MAX_DELAY`].
///
/// `chance`, from 0 to 1, selects the pause between zero and the bound of this try, so that callers that failed
/// together do not retry together.
pub(crate) fn delay(failures: u32, chance: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let bound = FIRST_DELAY.saturating_mul(1 << doublings).min(MAX_DELAY);
    bound.mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bound_doubles_up_to_30_seconds() {
        let bounds: Vec<_> = (1..=8).map(|failures| delay(failures, 1.0).as_millis()).collect();
        assert_eq!(bounds, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(delay(u32::MAX, 1.0), MAX_DELAY);
    }

    proptest! {
        #[test]
        fn a_delay_lies_between_nothing_and_its_bound(failures: u32, chance in 0.0..1.0_f64) {
            let delay = delay(failures, chance);
            prop_assert!(delay <= super::delay(failures, 1.0));
            prop_assert!(delay <= super::delay(failures.saturating_add(1), chance) || failures == u32::MAX);
        }
    }
}
