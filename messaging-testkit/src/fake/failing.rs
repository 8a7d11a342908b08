use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use messaging_core::{
    store::{StoreError, StoreErrorKind, StoreMethod},
    wrap_store,
};

use super::signal::Signal;

/// A store whose calls fail on demand. Clones share the call counts and failures.
#[derive(Debug, Clone)]
pub struct FailingStore<S> {
    inner: S,
    shared: Arc<Mutex<Shared>>,
    hung: Signal,
}

/// Whether a failing call takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The call changes nothing.
    None,
    /// The call takes effect, and only its answer is lost.
    Taken,
}

/// A call that is held until released.
#[derive(Debug)]
pub struct Held(Signal);

impl Held {
    /// Lets the call continue.
    pub fn release(self) {
        self.0.give();
    }
}

#[derive(Debug, Default)]
struct Shared {
    calls: u64,
    /// The calls that fail, with kind and effect.
    failures: Vec<(u64, StoreErrorKind, Effect)>,
    /// The calls that never return.
    hanging: Vec<u64>,
    /// The calls that wait until they are released.
    held: HashMap<u64, Signal>,
    /// The steps whose calls all fail.
    refused: HashMap<&'static str, StoreErrorKind>,
    /// The number of calls of each step.
    by_step: HashMap<&'static str, u64>,
}

impl<S> FailingStore<S> {
    /// Wraps a store, without any failures yet.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            shared: Arc::default(),
            hung: Signal::default(),
        }
    }

    /// Fails the `nth` call from now on, where 1 is the next. May be called several times.
    pub fn fail(&self, nth: u64, kind: StoreErrorKind, effect: Effect) {
        let mut shared = self.lock();
        let call = shared.calls + nth;
        shared.failures.push((call, kind, effect));
    }

    /// Fails every call of a step, named as in its errors (*marking messages as mailed*), until it is
    /// [admitted](Self::admit). These calls change nothing.
    pub fn refuse(&self, step: &'static str, kind: StoreErrorKind) {
        self.lock().refused.insert(step, kind);
    }

    /// Ends the failures of a step.
    pub fn admit(&self, step: &'static str) {
        self.lock().refused.remove(step);
    }

    /// Returns the number of calls of a step so far, including failed ones.
    pub fn calls_of(&self, step: &'static str) -> u64 {
        self.lock().by_step.get(step).copied().unwrap_or(0)
    }

    /// Leaves the `nth` call from now on pending, without an effect.
    pub fn hang(&self, nth: u64) {
        let mut shared = self.lock();
        let call = shared.calls + nth;
        shared.hanging.push(call);
    }

    /// Holds the `nth` call from now on until its [`Held`] releases it.
    pub fn hold(&self, nth: u64) -> Held {
        let mut shared = self.lock();
        let call = shared.calls + nth;
        Held(shared.held.entry(call).or_default().clone())
    }

    /// Completes when a call arrives that never returns.
    pub fn hung(&self) -> impl Future<Output = ()> + Send + use<S> {
        let hung = self.hung.clone();
        async move { hung.given().await }
    }

    /// Returns the number of calls so far.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// Returns the wrapped store. Calls on it neither count nor fail.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, and returns its failure.
    fn next_call(&self, step: &'static str) -> Option<(StoreErrorKind, Effect)> {
        let mut shared = self.lock();
        shared.calls += 1;
        *shared.by_step.entry(step).or_default() += 1;
        let call = shared.calls;
        let refused = shared.refused.get(step).map(|kind| (*kind, Effect::None));
        let at = shared.failures.iter().position(|(nth, ..)| *nth == call);
        let failure = at.map(|at| shared.failures.swap_remove(at));
        failure.map(|(_, kind, effect)| (kind, effect)).or(refused)
    }

    /// Returns whether the last counted call never returns, and the signal that it waits for.
    fn waits(&self) -> (bool, Option<Signal>) {
        let shared = self.lock();
        let held = shared.held.get(&shared.calls).cloned();
        (shared.hanging.contains(&shared.calls), held)
    }

    async fn step<T>(
        &self,
        StoreMethod { doing, .. }: StoreMethod,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError>
    where
        S: Sync,
    {
        let failure = self.next_call(doing);
        let (is_hanging, held) = self.waits();
        if is_hanging {
            self.hung.give();
            return std::future::pending().await;
        }
        if let Some(held) = held {
            held.given().await;
        }
        match failure {
            None => call.await,
            Some((kind, effect)) => {
                // Without an effect, the future is dropped before it is polled.
                if effect == Effect::Taken {
                    call.await?;
                }
                Err(StoreError::new(kind, doing).caused_by("simulated failure"))
            }
        }
    }
}

wrap_store!(impl<S: Store> Store for FailingStore<S>, wrapping inner, through step);
