//! Who is subscribed to what.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    sync::Arc,
};

use messaging_core::{
    event::{ChannelName, ChannelNames, Event, SocketId},
    id::UserId,
};

use super::{
    close::Close,
    command::ClientEvent,
    frame::Frame,
    grants::Grants,
    options::EmbeddedOptions,
    outbox::Outbox,
    refusal::Refusal,
    roster::{Change, Member, Roster},
    ticket::Ticket,
};

/// Everything that the connections share: a plain value, whose only effects are frames put into outboxes.
#[derive(Debug)]
pub(super) struct Hub {
    names: ChannelNames,
    max_connections: usize,
    max_channels: usize,
    is_shut: bool,
    connections: HashMap<SocketId, Connection>,
    rooms: HashMap<ChannelName, Room>,
}

#[derive(Debug)]
struct Connection {
    outbox: Arc<Outbox>,
    grants: Grants,
    subscriptions: HashMap<ChannelName, Subscription>,
}

#[derive(Debug)]
struct Subscription {
    /// For whom it was signed, if it was signed here.
    user: Option<UserId>,
    /// As whom it shows in a presence channel.
    member_id: Option<String>,
}

/// A channel with at least one subscriber.
#[derive(Debug, Default)]
struct Room {
    subscribers: HashMap<SocketId, Arc<Outbox>>,
    roster: Roster,
}

/// Why a client's message has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unheard {
    #[error("Existing subscription to the channel")]
    AlreadySubscribed,
    #[error("Client events need a subscription to the channel")]
    NotSubscribed,
    #[error("Client events are for private and presence channels only")]
    PublicChannel,
}

impl Hub {
    pub(super) fn new(options: &EmbeddedOptions) -> Self {
        Self {
            names: options.names.clone(),
            max_connections: options.max_connections,
            max_channels: options.max_channels,
            is_shut: false,
            connections: HashMap::new(),
            rooms: HashMap::new(),
        }
    }

    /// Lets a connection in.
    ///
    /// # Errors
    /// How to send it away.
    pub(super) fn enter(&mut self, socket_id: SocketId, outbox: Arc<Outbox>) -> Result<(), Close> {
        if self.is_shut {
            return Err(Close::AlreadyGoing);
        }
        if self.connections.len() >= self.max_connections {
            return Err(Close::OverCapacity);
        }
        let connection = Connection {
            outbox,
            // A page may ask for signatures ahead of its subscriptions, and again after them.
            grants: Grants::new(2 * self.max_channels),
            subscriptions: HashMap::new(),
        };
        self.connections.insert(socket_id, connection);
        Ok(())
    }

    /// Forgets a connection. Does nothing when it is forgotten already.
    pub(super) fn leave(&mut self, socket_id: &SocketId) {
        let Some(connection) = self.connections.remove(socket_id) else {
            return;
        };
        for (channel, subscription) in connection.subscriptions {
            self.vacate(socket_id, &channel, &subscription);
        }
    }

    /// Closes every connection, and lets no more in.
    pub(super) fn shut(&mut self) {
        self.is_shut = true;
        for connection in self.connections.values() {
            connection.outbox.close(Close::GoingAway);
        }
    }

    /// Notes that a subscription of a connection was signed for a user.
    pub(super) fn grant(&mut self, socket_id: &SocketId, channel: &ChannelName, user: &UserId) {
        if let Some(connection) = self.connections.get_mut(socket_id) {
            if let Some(subscription) = connection.subscriptions.get_mut(channel) {
                subscription.user = Some(user.clone());
            }
            connection.grants.insert(channel.clone(), user.clone());
        }
    }

    /// Subscribes a connection and tells it and the other members; or tells it why not. Answers the refusal.
    ///
    /// A channel of ours must have been signed here, for this connection, and not been revoked since: a right
    /// signature alone does not do. What the host calls otherwise, the host may sign elsewhere.
    pub(super) fn subscribe(&mut self, socket_id: &SocketId, ticket: Ticket) -> Result<(), Refusal> {
        let Some(connection) = self.connections.get_mut(socket_id) else {
            return Ok(());
        };
        let (channel, member) = match ticket {
            Ticket::Public(channel) | Ticket::Private(channel) => (channel, None),
            Ticket::Presence(channel, member) => (channel, Some(member)),
        };
        if connection.subscriptions.contains_key(&channel) {
            connection
                .outbox
                .push(Frame::error(None, &Unheard::AlreadySubscribed.to_string()));
            return Ok(());
        }
        if connection.subscriptions.len() >= self.max_channels {
            return Err(Refusal::TooManyChannels);
        }
        let user = connection.grants.user(&channel).cloned();
        if user.is_none() && self.names.parse(&channel).is_some() {
            return Err(Refusal::NotAuthorised);
        }

        let outbox = connection.outbox.clone();
        let room = self.rooms.entry(channel.clone()).or_default();
        match &member {
            None => outbox.push(Frame::subscribed(&channel)),
            Some(member) => room.welcome(&channel, member, &outbox)?,
        }
        room.subscribers.insert(socket_id.clone(), outbox);
        let subscription = Subscription {
            user,
            member_id: member.map(|member| member.user_id),
        };
        connection.subscriptions.insert(channel, subscription);
        Ok(())
    }

    /// Ends a subscription; does nothing when there is none.
    pub(super) fn unsubscribe(&mut self, socket_id: &SocketId, channel: &ChannelName) {
        let connection = self.connections.get_mut(socket_id);
        if let Some(subscription) = connection.and_then(|c| c.subscriptions.remove(channel)) {
            self.vacate(socket_id, channel, &subscription);
        }
    }

    /// Hands a client's event to the other subscribers.
    pub(super) fn relay(&self, socket_id: &SocketId, event: &ClientEvent) -> Result<(), Unheard> {
        let channel = ChannelName::parse(&event.channel).map_err(|_| Unheard::NotSubscribed)?;
        let connection = self.connections.get(socket_id).ok_or(Unheard::NotSubscribed)?;
        let subscription = connection
            .subscriptions
            .get(&channel)
            .ok_or(Unheard::NotSubscribed)?;
        if !channel.is_signed() {
            return Err(Unheard::PublicChannel);
        }
        let user_id = subscription.member_id.as_deref();
        if let Some(room) = self.rooms.get(&channel) {
            let frame = Frame::client_event(&event.name, &channel, &event.data, user_id);
            room.tell(&frame, Some(socket_id));
        }
        Ok(())
    }

    /// Hands an event to the subscribers.
    pub(super) fn publish(&self, event: &Event) {
        if let Some(room) = self.rooms.get(&event.channel) {
            let frame = Frame::of_channel(event.name, &event.channel, &event.data);
            room.tell(&frame, event.except.as_ref());
        }
    }

    /// Ends a user's subscriptions to a channel, and forgets what was signed for them.
    pub(super) fn revoke(&mut self, user: &UserId, channel: &ChannelName) {
        let mut ended = Vec::new();
        for (socket_id, connection) in &mut self.connections {
            connection.grants.remove(channel, user);
            if let Entry::Occupied(subscription) = connection.subscriptions.entry(channel.clone())
                && subscription.get().is_of(user)
            {
                connection
                    .outbox
                    .push(Frame::subscription_error(channel.as_str(), Refusal::Revoked));
                ended.push((socket_id.clone(), subscription.remove()));
            }
        }
        for (socket_id, subscription) in ended {
            self.vacate(&socket_id, channel, &subscription);
        }
    }

    pub(super) fn is_online(&self, user: &UserId) -> bool {
        use messaging_core::event::Channel::User;
        self.rooms.contains_key(&self.names.name(&User(user.clone())))
    }

    pub(super) fn connection_count(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn occupied_channels(&self) -> BTreeSet<ChannelName> {
        self.rooms.keys().cloned().collect()
    }

    fn vacate(&mut self, socket_id: &SocketId, channel: &ChannelName, subscription: &Subscription) {
        let Entry::Occupied(mut entry) = self.rooms.entry(channel.clone()) else {
            return;
        };
        let room = entry.get_mut();
        room.subscribers.remove(socket_id);
        if room.subscribers.is_empty() {
            entry.remove();
        } else if let Some(member_id) = &subscription.member_id
            && room.roster.leave(member_id) == Change::Member
        {
            room.tell(&Frame::member_removed(channel, member_id), None);
        }
    }
}

impl Subscription {
    fn is_of(&self, user: &UserId) -> bool {
        self.user.as_ref() == Some(user) || self.member_id.as_deref() == Some(user.as_str())
    }
}

impl Room {
    fn welcome(&mut self, channel: &ChannelName, member: &Member, outbox: &Outbox) -> Result<(), Refusal> {
        let change = self.roster.join(member).map_err(|_| Refusal::ChannelFull)?;
        outbox.push(Frame::joined(channel, &self.roster));
        if change == Change::Member {
            self.tell(&Frame::member_added(channel, &member.user_id, &member.info), None);
        }
        Ok(())
    }

    fn tell(&self, frame: &Frame, except: Option<&SocketId>) {
        for (socket_id, outbox) in &self.subscribers {
            if Some(socket_id) != except {
                outbox.push(frame.clone());
            }
        }
    }
}

#[cfg(test)]
impl Hub {
    /// Panics unless what is known of connections and what is known of channels agree.
    pub(super) fn assert_consistent(&self) {
        use std::collections::BTreeMap;

        assert!(self.connections.len() <= self.max_connections);
        for (socket_id, connection) in &self.connections {
            assert!(connection.subscriptions.len() <= self.max_channels);
            for channel in connection.subscriptions.keys() {
                assert!(
                    self.rooms[channel].subscribers.contains_key(socket_id),
                    "{channel}"
                );
            }
        }
        for (channel, room) in &self.rooms {
            assert!(!room.subscribers.is_empty(), "{channel}");
            let mut members = BTreeMap::new();
            for socket_id in room.subscribers.keys() {
                let subscription = &self.connections[socket_id].subscriptions[channel];
                assert_eq!(subscription.member_id.is_some(), channel.is_presence());
                if let Some(member_id) = &subscription.member_id {
                    *members.entry(member_id.as_str()).or_insert(0) += 1;
                }
            }
            assert_eq!(room.roster.connections(), members, "{channel}");
        }
    }
}
