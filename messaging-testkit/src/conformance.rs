/// Generates the conformance tests of a store: one `#[test]` per case of the suite, one for the model, one for
/// the storm.
///
/// Invoke it once in a file or module of its own, with two expressions that are called like functions, and the
/// names of the store's [capabilities](messaging_core::store::Capability). They select the cases. A test fails
/// if the store has capabilities other than those listed, so no case is skipped unnoticed.
///
/// - `block_on` runs a future to completion and returns its output. **All calls must use one runtime**, not a
///   new one per call: the storm calls it from several threads, and a store's connections belong to the runtime
///   on which they were opened.
/// - `fresh_store` returns a future of a new empty store and a guard that must live as long: a temporary
///   directory, a value that drops a schema, or `()`.
///
/// ```
/// use std::sync::LazyLock;
/// use messaging_core::memory::MemoryStore;
///
/// static RUNTIME: LazyLock<tokio::runtime::Runtime> =
///     LazyLock::new(|| tokio::runtime::Runtime::new().expect("a runtime"));
///
/// fn block_on<F: Future>(future: F) -> F::Output {
///     RUNTIME.block_on(future)
/// }
///
/// async fn fresh_store() -> (MemoryStore, ()) {
///     (MemoryStore::new(), ())
/// }
///
/// messaging_testkit::conformance!(
///     block_on,
///     fresh_store,
///     [digests, push, moderation, audit, activity, erasure, recount],
/// );
/// # fn main() {}
/// ```
///
/// `PROPTEST_CASES` sets how many sequences of steps are compared with the model; each uses a fresh store. A
/// failing sequence is shrunk and shown as the shortest failing list of steps.
#[macro_export]
macro_rules! conformance {
    ($block_on:expr, $fresh_store:expr, [$($capability:ident),* $(,)?] $(,)?) => {
        struct ConformanceBackend;

        impl $crate::Backend for ConformanceBackend {
            fn run(&self, future: $crate::BoxFuture<'_, ()>) {
                ($block_on)(future)
            }

            fn fresh(&self) -> $crate::BoxFuture<'_, $crate::Fresh> {
                ::std::boxed::Box::pin(async {
                    let (store, guard) = ($fresh_store)().await;
                    $crate::Fresh::new(store, guard)
                })
            }
        }

        #[test]
        fn the_store_has_the_listed_capabilities() {
            $crate::has_capabilities(&ConformanceBackend, &[$(stringify!($capability)),*]);
        }

        $crate::__if_listed! { [$($capability)*] $ }
        $crate::__each_case! { $crate::__conformance_tests! }

        #[test]
        fn every_sequence_of_steps_matches_the_model() {
            $crate::compare_with_model(&ConformanceBackend);
        }

        if_listed! { [digests] {
            #[test]
            fn simulated_digests_are_neither_repeated_nor_early_nor_late() {
                $crate::simulate_digests(&ConformanceBackend);
            }
        } }

        #[test]
        fn a_storm_causes_no_discrepancy() {
            $crate::storm(&ConformanceBackend);
        }
    };
}

/// Defines the macro `if_listed!`, which expands to the items in its braces if every name in its brackets is
/// `required` or one of these capabilities.
#[doc(hidden)]
#[macro_export]
macro_rules! __if_listed {
    ([$($capability:ident)*] $d:tt) => {
        macro_rules! if_listed {
            ([] { $d($d item:item)* }) => { $d($d item)* };
            ([required $d($d more:ident)*] $d items:tt) => { if_listed! { [$d($d more)*] $d items } };
            $(([$capability $d($d more:ident)*] $d items:tt) => { if_listed! { [$d($d more)*] $d items } };)*
            ([$d($d other:ident)*] $d items:tt) => {};
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($($($needs:ident)+: $topic:ident { $($name:ident)* })*) => {
        $(if_listed! { [$($needs)+] {
            mod $topic {
                $(#[test]
                fn $name() {
                    $crate::Case::find(stringify!($topic), stringify!($name)).run(&super::ConformanceBackend);
                })*
            }
        } })*
    };
}
