/// Proves a store: one `#[test]` for every case of the suite, one for the model, one for the storm.
///
/// Called once in a file or module of its own, with two expressions that are called like functions, and the names of the
/// [capabilities](messaging_core::store::Capability) that the store has. Cases are chosen by them, and a test fails where
/// the store has others than those listed, so that no case is left out unseen.
///
/// - `block_on` runs a future to its end and gives what it gives. **All calls have to run on one runtime**,
///   a new one for each call will not do: the storm comes from several threads at a time, and a store's
///   connections belong to the runtime on which they were opened.
/// - `fresh_store` gives a future of a new store with nothing in it, and of whatever has to live as long:
///   a temporary directory, something that drops a schema, or `()`.
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
/// `PROPTEST_CASES` says how many sequences of steps the model is compared on; each has a store of its own.
/// What the model finds it shrinks, and shows as the shortest list of steps that fails.
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
        fn the_store_has_the_capabilities_that_are_listed() {
            $crate::has_capabilities(&ConformanceBackend, &[$(stringify!($capability)),*]);
        }

        $crate::__if_listed! { [$($capability)*] $ }
        $crate::__each_case! { $crate::__conformance_tests! }

        #[test]
        fn every_sequence_of_steps_is_what_the_model_makes_of_it() {
            $crate::compare_with_model(&ConformanceBackend);
        }

        if_listed! { [digests] {
            #[test]
            fn in_days_of_mail_nothing_comes_twice_too_soon_or_too_late() {
                $crate::days_of_mail(&ConformanceBackend);
            }
        } }

        #[test]
        fn a_storm_leaves_nothing_that_does_not_add_up() {
            $crate::storm(&ConformanceBackend);
        }
    };
}

/// Makes the macro `if_listed!`, which gives back the items in its braces if everything in its brackets is `required` or
/// one of these capabilities.
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
