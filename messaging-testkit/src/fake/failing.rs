use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use messaging_core::{
    store::{StoreError, StoreErrorKind, StoreMethod},
    wrap_store,
};

use super::signal::Signal;

/// A store whose calls fail when they are told to. Clones share the calls and the failures.
#[derive(Debug, Clone)]
pub struct FailingStore<S> {
    inner: S,
    shared: Arc<Mutex<Shared>>,
    hung: Signal,
}

/// Whether a call that fails has taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changed nothing.
    None,
    /// It did all that it was to do, and only its answer was lost.
    Taken,
}

/// A call that waits.
#[derive(Debug)]
pub struct Held(Signal);

impl Held {
    /// Lets the call go on.
    pub fn let_go(self) {
        self.0.give();
    }
}

#[derive(Debug, Default)]
struct Shared {
    calls: u64,
    /// Which call is to fail, how, and with what effect.
    failures: Vec<(u64, StoreErrorKind, Effect)>,
    /// Which calls are never to be answered.
    hanging: Vec<u64>,
    /// Which calls wait until they are let go.
    held: HashMap<u64, Signal>,
    /// How all calls of a step fail.
    refused: HashMap<&'static str, StoreErrorKind>,
    /// How many calls of each step there were.
    by_step: HashMap<&'static str, u64>,
}

impl<S> FailingStore<S> {
    /// A store that does not fail yet.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            shared: Arc::default(),
            hung: Signal::default(),
        }
    }

    /// Fails the `nth` call from now on, the next one being the first. Several can be told to fail.
    pub fn fail(&self, nth: u64, kind: StoreErrorKind, effect: Effect) {
        let mut shared = self.lock();
        let call = shared.calls + nth;
        shared.failures.push((call, kind, effect));
    }

    /// Fails every call of a step, named as its errors name it (*marking messages mailed*), until it is
    /// [admitted](Self::admit). These calls change nothing.
    pub fn refuse(&self, step: &'static str, kind: StoreErrorKind) {
        self.lock().refused.insert(step, kind);
    }

    /// Takes the calls of a step again.
    pub fn admit(&self, step: &'static str) {
        self.lock().refused.remove(step);
    }

    /// How many calls of a step there were, failed ones too.
    pub fn calls_of(&self, step: &'static str) -> u64 {
        self.lock().by_step.get(step).copied().unwrap_or(0)
    }

    /// Never answers the `nth` call from now on, nor takes it.
    pub fn hang(&self, nth: u64) {
        let mut shared = self.lock();
        let call = shared.calls + nth;
        shared.hanging.push(call);
    }

    /// Keeps the `nth` call from now on waiting until its [`Held`] lets it go.
    pub fn hold(&self, nth: u64) -> Held {
        let mut shared = self.lock();
        let call = shared.calls + nth;
        Held(shared.held.entry(call).or_default().clone())
    }

    /// Returns when a call has come that is never to be answered.
    pub fn hung(&self) -> impl Future<Output = ()> + Send + use<S> {
        let hung = self.hung.clone();
        async move { hung.given().await }
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// The store itself, whose calls neither count nor fail.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call; gives how it is to fail.
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

    /// Whether the call that was counted last is never to be answered, and what it waits for.
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
                // Without an effect the call is dropped, and a future that is never polled does nothing.
                if effect == Effect::Taken {
                    call.await?;
                }
                Err(StoreError::new(kind, doing).caused_by("as asked for"))
            }
        }
    }
}

wrap_store!(impl<S: Store> Store for FailingStore<S>, wrapping inner, through step);
