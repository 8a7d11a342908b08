use futures_util::future::BoxFuture;
use messaging_core::store::{Capability, Store};

use crate::{Backend, limit::in_time, suite};

/// One case of the conformance suite: something that a store promises, and a way to see whether it is so.
#[derive(Clone, Copy)]
pub struct Case {
    /// Which part of the contract it belongs to.
    pub topic: &'static str,
    /// What is promised, as a sentence.
    pub name: &'static str,
    /// What a store needs for it: the names of capabilities, or `required` alone.
    pub needs: &'static [&'static str],
    check: for<'a> fn(&'a dyn Store) -> BoxFuture<'a, ()>,
}

/// Every case of the suite. [`conformance!`](crate::conformance) makes a test of each.
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
    /// The case of that name.
    ///
    /// # Panics
    /// When there is none.
    pub fn find(topic: &str, name: &str) -> Self {
        let named = |case: &Self| case.topic == topic && case.name == name;
        cases().into_iter().find(named).expect("there is such a case")
    }

    /// Takes the case to a fresh store.
    ///
    /// # Panics
    /// When the store does not keep the promise.
    pub fn run(&self, backend: &dyn Backend) {
        backend.run(Box::pin(async {
            let fresh = backend.fresh().await;
            in_time(self.name, (self.check)(&*fresh.store)).await;
        }));
    }
}

/// Checks that the store has exactly the capabilities of these names.
///
/// # Panics
/// When it has another one, or lacks one.
pub fn has_capabilities(backend: &dyn Backend, names: &[&str]) {
    backend.run(Box::pin(async {
        let fresh = backend.fresh().await;
        for capability in Capability::ALL {
            let is_listed = names.contains(&capability.name());
            assert_eq!(
                capability.is_of(&*fresh.store),
                is_listed,
                "`{capability}` of the store, and whether it is listed"
            );
        }
    }));
    let known = Capability::ALL.map(Capability::name);
    let unknown: Vec<_> = names.iter().filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "there is no capability {unknown:?}");
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}::{}", self.topic, self.name)
    }
}
