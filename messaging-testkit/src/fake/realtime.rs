use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use messaging_core::{
    event::{ChannelName, Event},
    id::UserId,
    transport::channels::{ChannelAuth, Channels, Subscription, Webhook, WebhookError},
    transport::realtime::{Limits, Realtime},
    transport::{TransportError, TransportErrorKind},
};

/// A transport that records events and delivers none. Clones share the record.
#[derive(Clone)]
pub struct RecordingRealtime(Arc<Mutex<Recorded>>);

struct Recorded {
    limits: Limits,
    calls: usize,
    events: Vec<Event>,
    revoked: Vec<(UserId, ChannelName)>,
    signed: Vec<Subscription>,
    failures: VecDeque<TransportErrorKind>,
    channels: BTreeMap<ChannelName, TransportErrorKind>,
}

impl RecordingRealtime {
    /// Creates a transport that accepts everything, with limits of 10 events and 10 KiB.
    pub fn new() -> Self {
        Self::with_limits(Limits {
            events_per_call: 10,
            data_bytes: 10_240,
        })
    }

    /// Creates a transport with the given limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Recorded {
            limits,
            calls: 0,
            events: Vec::new(),
            revoked: Vec::new(),
            signed: Vec::new(),
            failures: VecDeque::new(),
            channels: BTreeMap::new(),
        })))
    }

    /// Fails the next calls to publish with these kinds, in order; later calls succeed.
    pub fn fail_next(&self, kinds: impl IntoIterator<Item = TransportErrorKind>) {
        self.lock().failures.extend(kinds);
    }

    /// Fails every call with an event for that channel, until [`recover`](Self::recover).
    pub fn fail_channel(&self, channel: ChannelName, kind: TransportErrorKind) {
        self.lock().channels.insert(channel, kind);
    }

    /// Accepts everything from now on.
    pub fn recover(&self) {
        let mut recorded = self.lock();
        recorded.failures.clear();
        recorded.channels.clear();
    }

    /// Returns the accepted events so far, in order, including repetitions.
    pub fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// Returns the events accepted since the last call of this method.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.lock().events)
    }

    /// Returns the number of calls to publish so far, including failed ones.
    pub fn calls(&self) -> usize {
        self.lock().calls
    }

    /// Returns the revoked subscriptions, by user and channel.
    pub fn revoked(&self) -> Vec<(UserId, ChannelName)> {
        self.lock().revoked.clone()
    }

    /// Returns the signed subscriptions.
    pub fn signed(&self) -> Vec<Subscription> {
        self.lock().signed.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for RecordingRealtime {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RecordingRealtime {
    /// Shows the number of events, not their content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recorded = self.lock();
        let events = recorded.events.len();
        write!(f, "RecordingRealtime({} calls, {events} events)", recorded.calls)
    }
}

impl Channels for RecordingRealtime {
    /// Signs every subscription; the signature is the socket and the channel.
    fn sign(&self, subscription: &Subscription) -> Result<ChannelAuth, TransportError> {
        self.lock().signed.push(subscription.clone());
        let Subscription {
            socket_id,
            channel,
            member,
        } = subscription;
        let channel_data = channel.is_presence().then(|| member.user_id.to_string());
        let auth = format!("fake:{socket_id}:{channel}");
        Ok(ChannelAuth { auth, channel_data })
    }

    fn receive_webhook(&self, _: &Webhook<'_>) -> Result<(), WebhookError> {
        Err(WebhookError::NotAuthentic("no realtime server is configured"))
    }
}

#[async_trait]
impl Realtime for RecordingRealtime {
    fn limits(&self) -> Limits {
        self.lock().limits
    }

    /// # Panics
    /// If the batch is empty or exceeds the limits.
    async fn publish(&self, batch: &[Event]) -> Result<(), TransportError> {
        let mut recorded = self.lock();
        let Limits {
            events_per_call,
            data_bytes,
        } = recorded.limits;
        assert!((1..=events_per_call).contains(&batch.len()), "{}", batch.len());
        assert!(batch.iter().all(|event| event.data.len() <= data_bytes));
        recorded.calls += 1;
        let failing = batch
            .iter()
            .find_map(|event| recorded.channels.get(&event.channel).copied());
        if let Some(kind) = recorded.failures.pop_front().or(failing) {
            return Err(TransportError::new(kind, "simulated failure"));
        }
        recorded.events.extend_from_slice(batch);
        Ok(())
    }

    async fn revoke(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), TransportError> {
        let mut recorded = self.lock();
        recorded.revoked.push((user_id.clone(), channel.clone()));
        Ok(())
    }
}
