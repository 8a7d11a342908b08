/// Proves a store: one `#[test]` for every case of the suite, one for the model, one for the storm.
///
/// Called once in a file or module of its own, with two expressions that are called like functions:
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
/// messaging_testkit::conformance!(block_on, fresh_store);
/// # fn main() {}
/// ```
///
/// `PROPTEST_CASES` says how many sequences of steps the model is compared on; each has a store of its own.
/// What the model finds it shrinks, and shows as the shortest list of steps that fails.
#[macro_export]
macro_rules! conformance {
    ($block_on:expr, $fresh_store:expr $(,)?) => {
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

        $crate::__each_case! { $crate::__conformance_tests! }

        #[test]
        fn every_sequence_of_steps_is_what_the_model_makes_of_it() {
            $crate::compare_with_model(&ConformanceBackend);
        }

        #[test]
        fn in_days_of_mail_nothing_comes_twice_too_soon_or_too_late() {
            $crate::days_of_mail(&ConformanceBackend);
        }

        #[test]
        fn a_storm_leaves_nothing_that_does_not_add_up() {
            $crate::storm(&ConformanceBackend);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($($topic:ident { $($name:ident)* })*) => {
        $(mod $topic {
            $(#[test]
            fn $name() {
                $crate::Case::find(stringify!($topic), stringify!($name)).run(&super::ConformanceBackend);
            })*
        })*
    };
}
