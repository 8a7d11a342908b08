use futures_util::future::BoxFuture;
use messaging_core::store::{Capability, Store};

use crate::{Backend, limit::in_time, suite};

/// One case of the conformance suite: a promise of the store contract, and its test.
#[derive(Clone, Copy)]
pub struct Case {
    /// The part of the contract that the case belongs to.
    pub topic: &'static str,
    /// The promise, as a sentence.
    pub name: &'static str,
    /// The names of the capabilities that the case needs, or `required` alone.
    pub needs: &'static [&'static str],
    check: for<'a> fn(&'a dyn Store) -> BoxFuture<'a, ()>,
}

/// Returns every case of the suite. [`conformance!`](crate::conformance) generates a test for each.
pub fn cases() -> Vec<Case> {
    macro_rules! table {
        ($($($needs:ident)+: $topic:ident { $($name:ident)* })*) => {
            [$({
                let needs = &[$(stringify!($needs)),+] as &[_];
                vec![$(Case {
                    topic: stringify!($topic),
                    name: stringify!($name),
                    needs,
                    check: |store| Box::pin(suite::$topic::$name(store)),
                }),*]
            }),*]
            .concat()
        };
    }
    crate::__each_case! { table! }
}

impl Case {
    /// Finds a case by name.
    ///
    /// # Panics
    /// If the suite has no such case.
    pub fn find(topic: &str, name: &str) -> Self {
        let named = |case: &Self| case.topic == topic && case.name == name;
        cases().into_iter().find(named).expect("the suite has this case")
    }

    /// Runs the case on a fresh store.
    ///
    /// # Panics
    /// If the store does not keep the promise.
    pub fn run(&self, backend: &dyn Backend) {
        backend.run(Box::pin(async {
            let fresh = backend.fresh().await;
            in_time(self.name, (self.check)(&*fresh.store)).await;
        }));
    }
}

/// Checks that the store has exactly the named capabilities.
///
/// # Panics
/// If the store has a capability that is not listed, or lacks a listed one.
pub fn has_capabilities(backend: &dyn Backend, names: &[&str]) {
    backend.run(Box::pin(async {
        let fresh = backend.fresh().await;
        for capability in Capability::ALL {
            let is_listed = names.contains(&capability.name());
            assert_eq!(
                capability.is_of(&*fresh.store),
                is_listed,
                "whether the store has `{capability}`, and whether its tests list it"
            );
        }
    }));
    let known = Capability::ALL.map(Capability::name);
    let unknown: Vec<_> = names.iter().filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "unknown capabilities: {unknown:?}");
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}::{}", self.topic, self.name)
    }
}
