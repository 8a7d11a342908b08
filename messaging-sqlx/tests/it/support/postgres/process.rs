//! A process of a host: its own connections, its own clock, and a transport that all processes share.

use std::{
    mem,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use messaging_core::{
    ConversationId, Messaging, SendMessage, Timestamp, Workers,
    clock::{IdSource, ManualClock, SequentialIds},
    event::{ChannelName, Event},
    host::rate_limit::Unlimited,
    id::UserId,
    transport::{
        TransportError, TransportErrorKind,
        channels::{ChannelAuth, Channels, Subscription, Webhook, WebhookError},
        realtime::{Limits, Realtime},
    },
};
use messaging_testkit::{
    fake::FakeDirectory,
    make::{body, client},
};
use tokio::{
    sync::oneshot::{Receiver, Sender, channel},
    task::JoinHandle,
};
use uuid::Uuid;

use super::bench::Bench;

pub(crate) struct Process {
    pub(crate) messaging: Messaging,
    pub(crate) workers: Arc<Workers>,
    clock: ManualClock,
    line: Line,
    stopped: Option<Stopped>,
}

/// A relay in the middle of a call to the transport.
struct Stopped {
    step: JoinHandle<()>,
    resume: Sender<()>,
}

/// The point at which a process stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the transport has received the events.
    Before,
    /// After the transport has received the events, and before it answers.
    After,
}

impl Process {
    /// Starts process number `n`, which publishes to `transport`.
    pub(crate) fn start(n: u8, bench: &Bench, transport: &Transport) -> Self {
        let store = bench.store_with(&bench.options().with_max_connections(3));
        let (line, clock) = (Line::to(transport), ManualClock::new());
        let (messaging, workers) = Messaging::builder(store, FakeDirectory::new())
            .rate_limiter(Unlimited)
            .realtime(line.clone())
            .clock(clock.clone())
            .ids(Ids(n, SequentialIds::default()))
            .build()
            .unwrap();
        Self {
            messaging,
            workers: Arc::new(workers),
            clock,
            line,
            stopped: None,
        }
    }

    /// Sets the process's clock, unless the process is stopped.
    pub(crate) fn tick(&self, now: Timestamp) {
        if !self.is_stopped() {
            self.clock.set(now);
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// The client of conversation 1001, 2001 … sends a message that this process is to publish.
    pub(crate) async fn send(&self, n: u64, to: ConversationId, text: &str) {
        let _worker = self.workers.relay().activate_worker();
        let request = SendMessage::new(to, body(text));
        self.messaging.send_message(&client(n), &request).await.unwrap();
    }

    /// Publishes until no due event is left.
    pub(crate) async fn publish(&self) {
        while self.workers.relay().step().await.unwrap() > 0 {}
    }

    /// Publishes, and stops at call number `calls` from now on, if the process makes so many.
    pub(crate) async fn stop(&mut self, calls: usize, moment: Moment) {
        let (reached, is_reached) = channel();
        let (resume, resumed) = channel();
        *self.line.stop.lock().unwrap() = Some(Stop {
            calls,
            moment,
            reached,
            resumed,
        });
        let workers = self.workers.clone();
        let mut step = tokio::spawn(async move { workers.relay().step().await.map(drop).unwrap() });
        tokio::select! {
            _ = is_reached => self.stopped = Some(Stopped { step, resume }),
            done = &mut step => {
                done.unwrap();
                self.line.stop.lock().unwrap().take();
            }
        }
    }

    /// Resumes at the given time.
    pub(crate) async fn resume(&mut self, now: Timestamp) {
        if let Some(Stopped { step, resume }) = self.stopped.take() {
            self.clock.set(now);
            resume.send(()).unwrap();
            step.await.unwrap();
        }
    }

    /// Ends like a killed process.
    pub(crate) fn die(mut self) {
        if let Some(stopped) = self.stopped.take() {
            stopped.step.abort();
        }
    }
}

/// The events that all processes have published, in order.
#[derive(Clone, Default)]
pub(crate) struct Transport(Arc<Mutex<Vec<Event>>>);

impl Transport {
    /// Returns the texts published on a conversation's channel since the last call, including repetitions.
    pub(crate) fn take(&self, of: ConversationId) -> Vec<String> {
        let channel = format!("private-conversation-{of}");
        let mut events = self.0.lock().unwrap();
        let (mine, others): (Vec<_>, _) = mem::take(&mut *events)
            .into_iter()
            .partition(|event| event.channel.as_str() == channel);
        *events = others;
        mine.iter().filter_map(text).collect()
    }
}

fn text(event: &Event) -> Option<String> {
    let (_, rest) = event.data.split_once(r#""content":""#)?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// The connection of a process to the transport.
#[derive(Clone)]
struct Line {
    transport: Transport,
    stop: Arc<Mutex<Option<Stop>>>,
}

struct Stop {
    calls: usize,
    moment: Moment,
    reached: Sender<()>,
    resumed: Receiver<()>,
}

impl Line {
    fn to(transport: &Transport) -> Self {
        Self {
            transport: transport.clone(),
            stop: Arc::default(),
        }
    }

    fn accept(&self, batch: &[Event]) {
        self.transport.0.lock().unwrap().extend_from_slice(batch);
    }

    /// Returns how the current call stops, if it does.
    fn next_stop(&self) -> Option<Stop> {
        self.stop.lock().unwrap().take_if(|stop| {
            stop.calls -= 1;
            stop.calls == 0
        })
    }
}

impl Channels for Line {
    fn sign(&self, _: &Subscription) -> Result<ChannelAuth, TransportError> {
        Err(TransportError::new(
            TransportErrorKind::Misconfigured,
            "signing is not supported",
        ))
    }

    fn receive_webhook(&self, _: &Webhook<'_>) -> Result<(), WebhookError> {
        Err(WebhookError::NotAuthentic("no realtime server is configured"))
    }
}

#[async_trait]
impl Realtime for Line {
    /// The events of one message fit into one call: one for the conversation, one for the reader.
    fn limits(&self) -> Limits {
        Limits {
            events_per_call: 2,
            data_bytes: 10_240,
        }
    }

    async fn publish(&self, batch: &[Event]) -> Result<(), TransportError> {
        let Some(stop) = self.next_stop() else {
            self.accept(batch);
            return Ok(());
        };
        if stop.moment == Moment::After {
            self.accept(batch);
        }
        stop.reached.send(()).ok();
        stop.resumed.await.ok();
        if stop.moment == Moment::Before {
            self.accept(batch);
        }
        Ok(())
    }

    async fn revoke(&self, _: &UserId, _: &ChannelName) -> Result<(), TransportError> {
        Ok(())
    }
}

/// Ids that are unique across processes.
struct Ids(u8, SequentialIds);

impl IdSource for Ids {
    fn new_id(&self, at: Timestamp) -> Uuid {
        Uuid::from_u128(self.1.new_id(at).as_u128() | u128::from(self.0) << 40)
    }

    fn chance(&self) -> f64 {
        self.1.chance()
    }
}
