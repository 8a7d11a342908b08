//! What crosses the crates. The tests are in `tests/`; what they share is here.

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
