//! A transport that records its calls.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use messaging_core::{
    UserId,
    event::{ChannelName, Event},
    transport::channels::{ChannelAuth, Channels, Subscription, Webhook, WebhookError},
    transport::realtime::{Limits, Realtime, RevokeScope},
    transport::{TransportError, TransportErrorKind},
};

type Script = Box<dyn FnMut(&[Event]) -> Option<TransportErrorKind> + Send>;

/// Records events, and fails as scripted.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Mutex<Recorded>>);

struct Recorded {
    accepted: Vec<Event>,
    calls: usize,
    revoked: Vec<(UserId, ChannelName)>,
    revoke_scope: RevokeScope,
    /// The number of calls to revoke, including failed ones.
    revoke_calls: usize,
    /// The failures of the next revocations; later ones succeed.
    revocations: VecDeque<TransportErrorKind>,
    /// The number of events accepted before the last revocation.
    accepted_before_revocation: Option<usize>,
    unsubscribed: Vec<(UserId, ChannelName)>,
    signed: Vec<Subscription>,
    on_sign: Option<Box<dyn FnOnce() + Send>>,
    script: Script,
    limits: Limits,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Recorded {
            accepted: Vec::new(),
            calls: 0,
            revoked: Vec::new(),
            revoke_scope: RevokeScope::Subscription,
            revoke_calls: 0,
            revocations: VecDeque::new(),
            accepted_before_revocation: None,
            unsubscribed: Vec::new(),
            signed: Vec::new(),
            on_sign: None,
            script: Box::new(|_| None),
            limits: Limits {
                events_per_call: 10,
                data_bytes: 10_240,
            },
        })))
    }

    /// Calls `script` before each publication to decide whether it fails.
    pub(crate) fn fail(&self, script: impl FnMut(&[Event]) -> Option<TransportErrorKind> + Send + 'static) {
        self.0.lock().unwrap().script = Box::new(script);
    }

    /// Fails the next publications with these kinds; later ones succeed.
    pub(crate) fn fail_next(&self, kinds: impl IntoIterator<Item = TransportErrorKind>) {
        let mut kinds: VecDeque<_> = kinds.into_iter().collect();
        self.fail(move |_| kinds.pop_front());
    }

    /// Calls `act` just after the next signature.
    pub(crate) fn on_sign(&self, act: impl FnOnce() + Send + 'static) {
        self.0.lock().unwrap().on_sign = Some(Box::new(act));
    }

    pub(crate) fn set_limits(&self, limits: Limits) {
        self.0.lock().unwrap().limits = limits;
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap().accepted)
    }

    pub(crate) fn revoked(&self) -> Vec<String> {
        let recorded = self.0.lock().unwrap();
        recorded
            .revoked
            .iter()
            .map(|(user, channel)| format!("{user} {channel}"))
            .collect()
    }

    pub(crate) fn set_revoke_scope(&self, scope: RevokeScope) {
        self.0.lock().unwrap().revoke_scope = scope;
    }

    /// Returns the number of calls to revoke, including failed ones.
    pub(crate) fn revoke_calls(&self) -> usize {
        self.0.lock().unwrap().revoke_calls
    }

    /// Fails the next revocations with these kinds.
    pub(crate) fn fail_revocations(&self, kinds: impl IntoIterator<Item = TransportErrorKind>) {
        self.0.lock().unwrap().revocations.extend(kinds);
    }

    /// Returns the number of events accepted before the last revocation.
    pub(crate) fn accepted_before_revocation(&self) -> Option<usize> {
        self.0.lock().unwrap().accepted_before_revocation
    }

    pub(crate) fn unsubscribed(&self) -> Vec<String> {
        let recorded = self.0.lock().unwrap();
        let ended = recorded.unsubscribed.iter();
        ended.map(|(user, channel)| format!("{user} {channel}")).collect()
    }

    pub(crate) fn signed(&self) -> Vec<Subscription> {
        self.0.lock().unwrap().signed.clone()
    }
}

impl Channels for Recorder {
    fn sign(&self, subscription: &Subscription) -> Result<ChannelAuth, TransportError> {
        let mut recorded = self.0.lock().unwrap();
        recorded.signed.push(subscription.clone());
        let act = recorded.on_sign.take();
        drop(recorded);
        if let Some(act) = act {
            act();
        }
        Ok(ChannelAuth {
            auth: format!("signed:{}", subscription.channel),
            channel_data: None,
        })
    }

    fn receive_webhook(&self, _: &Webhook<'_>) -> Result<(), WebhookError> {
        Err(WebhookError::NotAuthentic("no realtime server is configured"))
    }
}

#[async_trait]
impl Realtime for Recorder {
    fn limits(&self) -> Limits {
        self.0.lock().unwrap().limits
    }

    async fn publish(&self, batch: &[Event]) -> Result<(), TransportError> {
        let mut recorded = self.0.lock().unwrap();
        assert!(!batch.is_empty() && batch.len() <= recorded.limits.events_per_call);
        assert!(
            batch
                .iter()
                .all(|event| event.data.len() <= recorded.limits.data_bytes)
        );
        recorded.calls += 1;
        if let Some(kind) = (recorded.script)(batch) {
            return Err(TransportError::new(kind, "as scripted"));
        }
        recorded.accepted.extend_from_slice(batch);
        Ok(())
    }

    async fn revoke(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), TransportError> {
        let mut recorded = self.0.lock().unwrap();
        recorded.revoke_calls += 1;
        if let Some(kind) = recorded.revocations.pop_front() {
            return Err(TransportError::new(kind, "simulated failure"));
        }
        recorded.accepted_before_revocation = Some(recorded.accepted.len());
        recorded.revoked.push((user_id.clone(), channel.clone()));
        Ok(())
    }

    fn revoke_scope(&self) -> RevokeScope {
        self.0.lock().unwrap().revoke_scope
    }

    async fn unsubscribe(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), TransportError> {
        let mut recorded = self.0.lock().unwrap();
        recorded.unsubscribed.push((user_id.clone(), channel.clone()));
        Ok(())
    }
}
