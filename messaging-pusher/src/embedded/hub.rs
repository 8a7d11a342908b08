//! The registry of connections, subscriptions and grants.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    sync::Arc,
};

use messaging_core::{
    event::{Channel, ChannelName, ChannelNames, SocketId},
    id::UserId,
};

use super::{
    close::Close,
    frame::Frame,
    grants::Grants,
    options::{ClientEvents, EmbeddedOptions, PublicChannels},
    refusal::Refusal,
    roster::{Change, Member, Roster},
    send_queue::SendQueue,
    verifier::Verified,
};

/// State shared by all connections. Plain data: its only effects are frames pushed into send queues.
#[derive(Debug)]
pub(super) struct Hub {
    names: ChannelNames,
    client_events: ClientEvents,
    public_channels: PublicChannels,
    max_connections: usize,
    max_channels: usize,
    is_closed: bool,
    connections: HashMap<SocketId, Connection>,
    occupied: HashMap<ChannelName, OccupiedChannel>,
    grants: Grants,
}

#[derive(Debug)]
struct Connection {
    queue: Arc<SendQueue>,
    /// Protocol id of the signed-in user.
    user: Option<String>,
    /// Keyed by canonical channel name.
    subscriptions: HashMap<ChannelName, Subscription>,
}

#[derive(Debug)]
struct Subscription {
    /// Users for whom this server had signed the channel when the subscription began: a private channel's signature
    /// does not name one user. Empty if the host signed it elsewhere. Never changes.
    holders: Vec<UserId>,
    /// The user id of the presence member.
    member_id: Option<String>,
}

/// A channel with at least one subscriber.
#[derive(Debug, Default)]
struct OccupiedChannel {
    subscribers: HashMap<SocketId, Subscriber>,
    roster: Roster,
}

#[derive(Debug)]
struct Subscriber {
    queue: Arc<SendQueue>,
    /// The client's spelling of the channel name, if not the canonical one.
    spelling: Option<ChannelName>,
}

/// The connection has already signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection has signed in already")]
pub(super) struct AlreadySignedIn;

/// The sender of a client event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventSender {
    /// The user id of the presence member.
    pub(super) member_id: Option<String>,
}

/// The reason why a client event is not relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ClientEventError {
    #[error("client events need a subscription to the channel")]
    NotSubscribed,
    #[error("client events are for private and presence channels only")]
    PublicChannel,
    #[error("client events are not enabled on this channel")]
    NotEnabled,
}

const ALREADY_SUBSCRIBED: &str = "existing subscription to the channel";

impl Hub {
    pub(super) fn new(options: &EmbeddedOptions) -> Self {
        Self {
            names: options.names.clone(),
            client_events: options.client_events,
            public_channels: options.public_channels,
            max_connections: options.max_connections,
            max_channels: options.max_channels,
            is_closed: false,
            connections: HashMap::new(),
            occupied: HashMap::new(),
            // Clients request signatures before they subscribe, and again afterwards.
            grants: Grants::new(options.max_channels.saturating_mul(2)),
        }
    }

    /// Registers a connection.
    ///
    /// # Errors
    /// The [`Close`] to send if the server is shutting down or full.
    pub(super) fn add_connection(&mut self, socket_id: SocketId, queue: Arc<SendQueue>) -> Result<(), Close> {
        if self.is_closed {
            return Err(Close::ShuttingDown);
        }
        if self.connections.len() >= self.max_connections {
            return Err(Close::OverCapacity);
        }
        let connection = Connection {
            queue,
            user: None,
            subscriptions: HashMap::new(),
        };
        self.connections.insert(socket_id, connection);
        Ok(())
    }

    /// Removes a connection and its subscriptions. Idempotent.
    pub(super) fn remove_connection(&mut self, socket_id: &SocketId) {
        let Some(connection) = self.connections.remove(socket_id) else {
            return;
        };
        self.grants.forget(socket_id);
        for (channel, subscription) in connection.subscriptions {
            self.remove_subscriber(socket_id, &channel, &subscription);
        }
    }

    /// Closes every connection and refuses new ones.
    pub(super) fn close_all(&mut self) {
        self.is_closed = true;
        for connection in self.connections.values() {
            connection.queue.close(Close::GoingAway);
        }
    }

    /// Records the user of a connection.
    ///
    /// # Errors
    /// [`AlreadySignedIn`] if the connection has a user.
    pub(super) fn sign_in(&mut self, socket_id: &SocketId, user: String) -> Result<(), AlreadySignedIn> {
        match self
            .connections
            .get_mut(socket_id)
            .map(|connection| &mut connection.user)
        {
            Some(Some(_)) => Err(AlreadySignedIn),
            Some(place) => {
                *place = Some(user);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether the connection has signed in as this user, given by protocol id.
    pub(super) fn has_signed_in(&self, socket_id: &SocketId, user: &str) -> bool {
        let connection = self.connections.get(socket_id);
        connection.is_some_and(|connection| connection.user.as_deref() == Some(user))
    }

    /// Records that this server signed a channel for a user on a connection. Applies to later subscriptions only.
    pub(super) fn grant(&mut self, socket_id: &SocketId, channel: &ChannelName, user: &UserId) {
        if self.connections.contains_key(socket_id) {
            let channel = self.names.canonical(channel);
            self.grants.insert(socket_id, &channel, user);
        }
    }

    /// Subscribes a connection and notifies it and the other members.
    ///
    /// A channel of the messaging API needs a grant of this server for this connection that has not been revoked: a
    /// valid signature is not enough. The host may sign its own channels elsewhere.
    ///
    /// # Errors
    /// The [`Refusal`] to send.
    pub(super) fn subscribe(&mut self, socket_id: &SocketId, verified: Verified) -> Result<(), Refusal> {
        let Some(connection) = self.connections.get_mut(socket_id) else {
            return Ok(());
        };
        let (name, member) = match verified {
            Verified::Public(_) if self.public_channels == PublicChannels::Off => {
                return Err(Refusal::PublicChannel);
            }
            Verified::Public(name) | Verified::Private(name) => (name, None),
            Verified::Presence(name, member) => (name, Some(member)),
        };
        let channel = self.names.canonical(&name).into_owned();
        if connection.subscriptions.contains_key(&channel) {
            connection.queue.push(Frame::error(None, ALREADY_SUBSCRIBED));
            return Ok(());
        }
        if connection.subscriptions.len() >= self.max_channels {
            return Err(Refusal::TooManyChannels);
        }
        let is_for = |user: &UserId| {
            member
                .as_ref()
                .is_none_or(|member| member.user_id == user.to_protocol_id())
        };
        let holders: Vec<_> = self
            .grants
            .holders(socket_id, &channel)
            .filter(|user| is_for(user))
            .cloned()
            .collect();
        if holders.is_empty() && self.names.parse(&channel).is_some() {
            return Err(Refusal::NotAuthorised);
        }

        let queue = connection.queue.clone();
        let occupied = self.occupied.entry(channel.clone()).or_default();
        match &member {
            None => queue.push(Frame::subscribed(&name)),
            Some(member) => occupied.add_member(&channel, &name, member, &queue)?,
        }
        let spelling = (name != channel).then_some(name);
        let subscriber = Subscriber { queue, spelling };
        occupied.subscribers.insert(socket_id.clone(), subscriber);
        let subscription = Subscription {
            holders,
            member_id: member.map(|member| member.user_id),
        };
        connection.subscriptions.insert(channel, subscription);
        Ok(())
    }

    /// Ends a subscription. Idempotent.
    pub(super) fn unsubscribe(&mut self, socket_id: &SocketId, channel: &ChannelName) {
        let channel = &*self.names.canonical(channel);
        let connection = self.connections.get_mut(socket_id);
        if let Some(subscription) = connection.and_then(|c| c.subscriptions.remove(channel)) {
            self.remove_subscriber(socket_id, channel, &subscription);
        }
    }

    /// Checks that a connection may send client events on a channel, and returns the sender.
    ///
    /// # Errors
    /// [`ClientEventError`] if it may not.
    pub(super) fn event_sender(
        &self,
        socket_id: &SocketId,
        channel: &ChannelName,
    ) -> Result<EventSender, ClientEventError> {
        let connection = self.connections.get(socket_id);
        let subscription = connection.and_then(|connection| connection.subscriptions.get(channel));
        let subscription = subscription.ok_or(ClientEventError::NotSubscribed)?;
        if !channel.is_signed() {
            return Err(ClientEventError::PublicChannel);
        }
        let is_enabled = match self.client_events {
            ClientEvents::Off => false,
            ClientEvents::HostChannels => self.names.parse(channel).is_none(),
            ClientEvents::AllChannels => true,
        };
        if !is_enabled {
            return Err(ClientEventError::NotEnabled);
        }
        Ok(EventSender {
            member_id: subscription.member_id.clone(),
        })
    }

    /// Relays a client event to the other subscribers, if the sender returned by [`event_sender`](Self::event_sender)
    /// is still valid.
    ///
    /// # Errors
    /// [`ClientEventError`] if the subscription has ended or changed.
    pub(super) fn relay_client_event(
        &self,
        socket_id: &SocketId,
        event_sender: &EventSender,
        channel: &ChannelName,
        frame: &Frame,
    ) -> Result<(), ClientEventError> {
        if self.event_sender(socket_id, channel)? != *event_sender {
            return Err(ClientEventError::NotSubscribed);
        }
        self.publish(channel, frame, Some(socket_id));
        Ok(())
    }

    /// Queues a frame for all subscribers of a channel except one.
    pub(super) fn publish(&self, channel: &ChannelName, frame: &Frame, except: Option<&SocketId>) {
        if let Some(occupied) = self.occupied.get(channel) {
            occupied.broadcast(channel, frame, except);
        }
    }

    /// Ends a user's subscriptions to a channel and revokes the grants for them.
    pub(super) fn revoke(&mut self, user: &UserId, channel: &ChannelName) {
        let channel = &self.names.canonical(channel).into_owned();
        self.grants.revoke(user, channel);
        let Some(occupied) = self.occupied.get(channel) else {
            return;
        };
        let revoked = Frame::subscription_error(channel, Refusal::Revoked);
        let revocation = |(socket_id, subscriber): (&SocketId, &Subscriber)| {
            (
                socket_id.clone(),
                subscriber.with_client_spelling(&revoked, channel),
            )
        };
        for (socket_id, revoked) in occupied.subscribers.iter().map(revocation).collect::<Vec<_>>() {
            if let Some(connection) = self.connections.get_mut(&socket_id)
                && let Entry::Occupied(subscription) = connection.subscriptions.entry(channel.clone())
                && (subscription.get().belongs_to(user)
                    || connection.user.as_deref() == Some(&user.to_protocol_id()))
            {
                connection.queue.push(revoked);
                let subscription = subscription.remove();
                self.remove_subscriber(&socket_id, channel, &subscription);
            }
        }
    }

    pub(super) fn is_online(&self, user: &UserId) -> bool {
        self.occupied
            .contains_key(&self.names.name(&Channel::User(user.clone())))
    }

    pub(super) fn connection_count(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn occupied_channels(&self) -> BTreeSet<ChannelName> {
        self.occupied.keys().cloned().collect()
    }

    fn remove_subscriber(
        &mut self,
        socket_id: &SocketId,
        channel: &ChannelName,
        subscription: &Subscription,
    ) {
        let Entry::Occupied(mut entry) = self.occupied.entry(channel.clone()) else {
            return;
        };
        let occupied = entry.get_mut();
        occupied.subscribers.remove(socket_id);
        if occupied.subscribers.is_empty() {
            entry.remove();
        } else if let Some(member_id) = &subscription.member_id
            && occupied.roster.leave(member_id) == Change::Member
        {
            occupied.broadcast(channel, &Frame::member_removed(channel, member_id), None);
        }
    }
}

impl Subscription {
    fn belongs_to(&self, user: &UserId) -> bool {
        self.holders.contains(user) || self.member_id.as_deref() == Some(&user.to_protocol_id())
    }
}

impl OccupiedChannel {
    /// Adds a presence member. `name` is the client's spelling of `channel`.
    fn add_member(
        &mut self,
        channel: &ChannelName,
        name: &ChannelName,
        member: &Member,
        queue: &SendQueue,
    ) -> Result<(), Refusal> {
        let change = self.roster.join(member).map_err(|_| Refusal::ChannelFull)?;
        queue.push(Frame::joined(name, &self.roster));
        if change == Change::Member {
            let added = Frame::member_added(channel, &member.user_id, &member.info);
            self.broadcast(channel, &added, None);
        }
        Ok(())
    }

    fn broadcast(&self, channel: &ChannelName, frame: &Frame, except: Option<&SocketId>) {
        for (socket_id, subscriber) in &self.subscribers {
            if Some(socket_id) != except {
                subscriber
                    .queue
                    .push(subscriber.with_client_spelling(frame, channel));
            }
        }
    }
}

impl Subscriber {
    /// The frame with the client's spelling of the channel name.
    fn with_client_spelling(&self, frame: &Frame, channel: &ChannelName) -> Frame {
        match &self.spelling {
            None => frame.clone(),
            Some(spelling) => frame.respelled(channel, spelling),
        }
    }
}

#[cfg(test)]
impl Hub {
    pub(super) fn is_subscribed(&self, socket_id: &SocketId, channel: &ChannelName) -> bool {
        let connection = self.connections.get(socket_id);
        connection.is_some_and(|connection| connection.subscriptions.contains_key(channel))
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl Hub {
    /// Panics if the indexes by connection and by channel disagree.
    pub(super) fn assert_consistent(&self) {
        use std::collections::BTreeMap;

        assert!(self.connections.len() <= self.max_connections);
        self.grants
            .assert_consistent(|socket_id| self.connections.contains_key(socket_id));
        for (socket_id, connection) in &self.connections {
            assert!(connection.subscriptions.len() <= self.max_channels);
            for channel in connection.subscriptions.keys() {
                assert!(
                    self.occupied[channel].subscribers.contains_key(socket_id),
                    "{channel}"
                );
            }
        }
        for (channel, occupied) in &self.occupied {
            assert!(!occupied.subscribers.is_empty(), "{channel}");
            let mut members = BTreeMap::new();
            for socket_id in occupied.subscribers.keys() {
                let subscription = &self.connections[socket_id].subscriptions[channel];
                assert_eq!(subscription.member_id.is_some(), channel.is_presence());
                assert!(!subscription.holders.is_empty() || self.names.parse(channel).is_none());
                if let Some(member_id) = &subscription.member_id {
                    *members.entry(member_id.as_str()).or_insert(0) += 1;
                }
            }
            assert_eq!(occupied.roster.connections(), members, "{channel}");
        }
    }
}
