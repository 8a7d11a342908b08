use std::{fmt, sync::Arc, time::Duration};

use super::{Messaging, Parts, recent::Recent, workers::Workers};
use crate::{
    clock::{Clock, IdSource, SequentialIds, SystemClock, SystemIds},
    digest::{DigestOptions, DigestParts, Digester, InvalidDigestOptions},
    domain::digest_policy::{DigestPolicy, InvalidDigestPolicy},
    event::{ChannelNames, InvalidPrefix},
    host::Host,
    host::access::AccessPolicy,
    host::directory::Directory,
    host::presence::Presence,
    host::rate_limit::{ProcessLimiter, RateLimiter, Unlimited},
    memory::MemoryStore,
    outbox::{InvalidRelayOptions, NoopRealtime, Relay, RelayOptions, RelayParts},
    push::{Notifier, NotifyParts},
    store::{Capability, Store},
    transport::mailer::Mailer,
    transport::push::Push,
    transport::realtime::Realtime,
    with::with,
};

/// What can be set about a [`Messaging`]; the defaults are right for production.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Put into the name of every channel, so that several environments can share one realtime app; at
    /// most 16 characters. Default: empty.
    pub channel_prefix: String,
    /// How long the directory may take before names are shown blank, and before opening fails; and how long each question
    /// to the presence, the rate limiter or the [access policy](crate::host::access::AccessPolicy) may take. Default: 1 s.
    pub directory_timeout: Duration,
    /// How the outbox is published.
    pub relay: RelayOptions,
    /// How people are mailed.
    pub digests: DigestOptions,
    /// The least time between two notifications to a side about a conversation. Default: 1 minute.
    pub push_interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            channel_prefix: String::new(),
            directory_timeout: Duration::from_secs(1),
            relay: RelayOptions::default(),
            digests: DigestOptions::default(),
            push_interval: Duration::from_mins(1),
        }
    }
}

impl Options {
    /// With another [`channel_prefix`](Self::channel_prefix).
    pub fn with_channel_prefix(self, channel_prefix: impl Into<String>) -> Self {
        Self {
            channel_prefix: channel_prefix.into(),
            ..self
        }
    }

    with! {
        with_directory_timeout directory_timeout: Duration,
        with_relay relay: RelayOptions,
        with_push_interval push_interval: Duration,
        with_digests digests: DigestOptions,
    }
}

/// Why a [`Messaging`] cannot be built as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// [`Options::channel_prefix`] cannot stand in a channel's name.
    #[error("invalid channel prefix")]
    ChannelPrefix(#[from] InvalidPrefix),
    /// [`Options::relay`] would publish nothing.
    #[error("invalid options of the relay")]
    Relay(#[from] InvalidRelayOptions),
    /// With [`Options::digests`] no digest would be sent.
    #[error("invalid options of the digests")]
    Digests(#[from] InvalidDigestOptions),
    /// By the policy given to [`digests`](MessagingBuilder::digests) no digest would be sent.
    #[error("invalid policy for digests")]
    DigestPolicy(#[from] InvalidDigestPolicy),
    /// The store lacks a capability that something given to the builder needs.
    #[error("the store lacks the capability `{capability}`")]
    Unsupported {
        /// The capability.
        capability: Capability,
    },
}

/// Puts a [`Messaging`] together. Parts that are left out are off.
pub struct MessagingBuilder {
    store: Arc<dyn Store>,
    directory: Arc<dyn Directory>,
    realtime: Arc<dyn Realtime>,
    presence: Option<Arc<dyn Presence>>,
    push: Option<Arc<dyn Push>>,
    digests: Option<(Arc<dyn Mailer>, DigestPolicy)>,
    policy: Option<Arc<dyn AccessPolicy>>,
    rate_limiter: Arc<dyn RateLimiter>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    options: Options,
}

impl Messaging {
    /// Starts from the two parts that no host can do without.
    pub fn builder(store: impl Store + 'static, directory: impl Directory + 'static) -> MessagingBuilder {
        MessagingBuilder {
            store: Arc::new(store),
            directory: Arc::new(directory),
            realtime: Arc::new(NoopRealtime),
            presence: None,
            push: None,
            digests: None,
            policy: None,
            rate_limiter: Arc::new(ProcessLimiter::default()),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            options: Options::default(),
        }
    }

    /// Starts from a store in memory, without rate limits: for a host's tests. A [`ManualClock`](crate::clock::ManualClock)
    /// makes them deterministic:
    ///
    /// ```
    /// # use messaging_core::{*, clock::{Clock, ManualClock}};
    /// # fn test(directory: impl host::directory::Directory + 'static) -> Result<(), ConfigError> {
    /// let clock = ManualClock::new();
    /// let (messaging, workers) = Messaging::in_memory(directory).clock(clock.clone()).build()?;
    /// clock.advance(std::time::Duration::from_secs(60));
    /// # Ok(()) }
    /// ```
    pub fn in_memory(directory: impl Directory + 'static) -> MessagingBuilder {
        Self::builder(MemoryStore::new(), directory)
            .rate_limiter(Unlimited)
            .ids(SequentialIds::default())
    }
}

impl fmt::Debug for MessagingBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessagingBuilder")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl MessagingBuilder {
    /// Where events are published, and who signs subscriptions. Without it nothing is published and no
    /// subscription is signed.
    pub fn realtime(self, realtime: impl Realtime + 'static) -> Self {
        Self {
            realtime: Arc::new(realtime),
            ..self
        }
    }

    /// One server for [`realtime`](Self::realtime) and [`presence`](Self::presence): the one that delivers events also
    /// knows who is connected.
    pub fn transport(self, transport: impl Realtime + Presence + Clone + 'static) -> Self {
        self.realtime(transport.clone()).presence(transport)
    }

    /// Who knows who is connected. Without it that is unknown.
    pub fn presence(self, presence: impl Presence + 'static) -> Self {
        Self {
            presence: Some(Arc::new(presence)),
            ..self
        }
    }

    /// The push service, which notifies the devices of users who are away. Without it there are no notifications.
    pub fn push(self, push: impl Push + 'static) -> Self {
        Self {
            push: Some(Arc::new(push)),
            ..self
        }
    }

    /// The mailer of digests to users who are away, and when they are due. Without it no digest is due or sent. Processes
    /// that only serve requests need it, too: else their messages do not make a digest due. Without
    /// [`presence`](Self::presence) it is unknown who is away, and digests are sent after the policy's
    /// [`online_delay`](DigestPolicy::online_delay).
    pub fn digests(self, mailer: impl Mailer + 'static, policy: DigestPolicy) -> Self {
        Self {
            digests: Some((Arc::new(mailer), policy)),
            ..self
        }
    }

    /// The host's own rules on top of ours. Without it nothing is asked, and nothing is looked up for it.
    pub fn policy(self, policy: impl AccessPolicy + 'static) -> Self {
        Self {
            policy: Some(Arc::new(policy)),
            ..self
        }
    }

    /// Another limiter than one for this process with the defaults of [`RateLimits`](crate::host::rate_limit::RateLimits).
    pub fn rate_limiter(self, rate_limiter: impl RateLimiter + 'static) -> Self {
        Self {
            rate_limiter: Arc::new(rate_limiter),
            ..self
        }
    }

    /// Another clock than the system's.
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        Self {
            clock: Arc::new(clock),
            ..self
        }
    }

    /// Another source of ids than the system's.
    pub fn ids(self, ids: impl IdSource + 'static) -> Self {
        Self {
            ids: Arc::new(ids),
            ..self
        }
    }

    /// Other options than the defaults.
    pub fn options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// Puts it together. No I/O. The second half publishes: run it in this process or in others, or nothing
    /// is delivered.
    ///
    /// # Errors
    /// [`ConfigError`] says what does not fit.
    pub fn build(self) -> Result<(Messaging, Workers), ConfigError> {
        let names = ChannelNames::with_prefix(self.options.channel_prefix.as_str())?;
        self.options.relay.check()?;
        self.options.digests.check()?;
        if let Some((_, policy)) = &self.digests {
            policy.check()?;
        }
        self.check_capabilities()?;
        Ok(self.assemble(names))
    }

    fn check_capabilities(&self) -> Result<(), ConfigError> {
        let needed = [
            self.digests.as_ref().map(|_| Capability::Digests),
            self.push.as_ref().map(|_| Capability::Push),
        ];
        let lacking = |capability: &Capability| !capability.is_of(&*self.store);
        match needed.into_iter().flatten().find(lacking) {
            Some(capability) => Err(ConfigError::Unsupported { capability }),
            None => Ok(()),
        }
    }

    fn assemble(self, names: ChannelNames) -> (Messaging, Workers) {
        let (clock, ids) = (self.clock, self.ids);
        let host = Arc::new(Host {
            directory: self.directory,
            presence: self.presence,
            rate_limiter: self.rate_limiter,
            clock: clock.clone(),
            timeout: self.options.directory_timeout,
        });
        let notifier = self.push.as_ref().map(|push| {
            Arc::new(Notifier::new(NotifyParts {
                store: self.store.clone(),
                push: push.clone(),
                host: host.clone(),
                clock: clock.clone(),
                interval: self.options.push_interval,
            }))
        });
        let digest_delay = self.digests.as_ref().map(|(_, policy)| policy.delay);
        let digests = self.digests.as_ref().map(|(mailer, policy)| {
            Arc::new(Digester::new(DigestParts {
                store: self.store.clone(),
                mailer: mailer.clone(),
                host: host.clone(),
                clock: clock.clone(),
                ids: ids.clone(),
                policy: *policy,
                options: self.options.digests,
            }))
        });
        let relay = Arc::new(Relay::new(RelayParts {
            store: self.store.clone(),
            realtime: self.realtime.clone(),
            host: host.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            names: names.clone(),
            notifier: notifier.clone(),
            options: self.options.relay,
        }));
        let parts = Parts {
            store: self.store,
            host,
            realtime: self.realtime,
            policy: self.policy,
            clock,
            ids,
            names,
            digest_delay,
            push: self.push,
            relay: relay.clone(),
            recent: Recent::default(),
        };
        (Messaging(Arc::new(parts)), Workers::new(relay, digests, notifier))
    }
}
