//! Records of signed subscriptions, by connection, channel and user.

use std::collections::{HashMap, HashSet, VecDeque};

use messaging_core::{
    event::{ChannelName, SocketId},
    id::UserId,
};

/// Subscriptions that this server signed and has not revoked. Bounded for each connection: the oldest grant is evicted.
#[derive(Debug)]
pub(super) struct Grants {
    max_per_connection: usize,
    // A connection has tens of entries: scanning them is faster than hashing names.
    by_socket: HashMap<SocketId, VecDeque<(ChannelName, UserId)>>,
    by_channel: HashMap<ChannelName, HashSet<SocketId>>,
}

impl Grants {
    /// Creates an empty set with at most `max_per_connection` grants for each connection.
    pub(super) fn new(max_per_connection: usize) -> Self {
        Self {
            max_per_connection,
            by_socket: HashMap::new(),
            by_channel: HashMap::new(),
        }
    }

    /// Adds a grant. Grants for other users of the connection remain.
    pub(super) fn insert(&mut self, socket_id: &SocketId, channel: &ChannelName, user: &UserId) {
        let grants = self.by_socket.entry(socket_id.clone()).or_default();
        grants.retain(|(granted, holder)| granted != channel || holder != user);
        let oldest = if grants.len() >= self.max_per_connection {
            grants.pop_front()
        } else {
            None
        };
        grants.push_back((channel.clone(), user.clone()));
        self.by_channel
            .entry(channel.clone())
            .or_default()
            .insert(socket_id.clone());
        if let Some((channel, _)) = oldest {
            self.unindex_if_empty(socket_id, &channel);
        }
    }

    /// The users with a grant for a channel on a connection, oldest first.
    pub(super) fn holders(
        &self,
        socket_id: &SocketId,
        channel: &ChannelName,
    ) -> impl Iterator<Item = &UserId> {
        let grants = self.by_socket.get(socket_id).into_iter().flatten();
        grants.filter_map(move |(granted, holder)| (granted == channel).then_some(holder))
    }

    /// Removes a user's grants for a channel from every connection.
    pub(super) fn revoke(&mut self, user: &UserId, channel: &ChannelName) {
        let sockets = self.by_channel.get(channel).into_iter().flatten();
        for socket_id in sockets.cloned().collect::<Vec<_>>() {
            if let Some(grants) = self.by_socket.get_mut(&socket_id) {
                grants.retain(|(granted, holder)| granted != channel || holder != user);
            }
            self.unindex_if_empty(&socket_id, channel);
        }
    }

    /// Removes all grants of a connection.
    pub(super) fn forget(&mut self, socket_id: &SocketId) {
        for (channel, _) in self.by_socket.remove(socket_id).unwrap_or_default() {
            self.unindex_if_empty(socket_id, &channel);
        }
    }

    /// Removes the connection from the channel's index if it has no grant left for the channel.
    fn unindex_if_empty(&mut self, socket_id: &SocketId, channel: &ChannelName) {
        if self.holders(socket_id, channel).next().is_some() {
            return;
        }
        if let Some(sockets) = self.by_channel.get_mut(channel) {
            sockets.remove(socket_id);
            if sockets.is_empty() {
                self.by_channel.remove(channel);
            }
        }
        if self.by_socket.get(socket_id).is_some_and(VecDeque::is_empty) {
            self.by_socket.remove(socket_id);
        }
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl Grants {
    /// Panics if grants and index disagree, or if a grant belongs to an unknown connection.
    pub(super) fn assert_consistent(&self, is_there: impl Fn(&SocketId) -> bool) {
        let mut by_channel: HashMap<ChannelName, HashSet<SocketId>> = HashMap::new();
        for (socket_id, grants) in &self.by_socket {
            assert!(is_there(socket_id) && (1..=self.max_per_connection).contains(&grants.len()));
            for (channel, _) in grants {
                let sockets = by_channel.entry(channel.clone()).or_default();
                sockets.insert(socket_id.clone());
            }
        }
        assert_eq!(by_channel, self.by_channel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name).unwrap()
    }

    fn user(id: &str) -> UserId {
        UserId::parse(id).unwrap()
    }

    fn socket(id: &str) -> SocketId {
        SocketId::parse(id).unwrap()
    }

    fn check(grants: &Grants, socket_id: &str, name: &str, holders: &[&str]) {
        let (socket_id, name) = (socket(socket_id), channel(name));
        let found: Vec<_> = grants.holders(&socket_id, &name).map(UserId::as_str).collect();
        assert_eq!(found, holders, "{socket_id} {name}");
        grants.assert_consistent(|_| true);
    }

    #[test]
    fn grants_of_two_users_on_one_connection_coexist() {
        let mut grants = Grants::new(4);
        for user_id in ["ann", "bob", "ann"] {
            grants.insert(&socket("1.1"), &channel("private-a"), &user(user_id));
        }
        grants.insert(&socket("2.2"), &channel("private-a"), &user("ann"));
        check(&grants, "1.1", "private-a", &["bob", "ann"]);
        grants.revoke(&user("ann"), &channel("private-b"));
        check(&grants, "1.1", "private-a", &["bob", "ann"]);
        grants.revoke(&user("ann"), &channel("private-a"));
        check(&grants, "1.1", "private-a", &["bob"]);
        check(&grants, "2.2", "private-a", &[]);
    }

    #[test]
    fn the_oldest_grant_of_a_connection_is_evicted() {
        let mut grants = Grants::new(2);
        for name in ["private-a", "private-b", "private-c"] {
            grants.insert(&socket("1.1"), &channel(name), &user("ann"));
        }
        grants.insert(&socket("2.2"), &channel("private-a"), &user("ann"));
        check(&grants, "1.1", "private-a", &[]);
        check(&grants, "1.1", "private-b", &["ann"]);
        check(&grants, "2.2", "private-a", &["ann"]);
    }

    #[test]
    fn removing_a_connection_removes_its_grants() {
        let mut grants = Grants::new(2);
        grants.insert(&socket("1.1"), &channel("private-a"), &user("ann"));
        grants.forget(&socket("1.1"));
        check(&grants, "1.1", "private-a", &[]);
        assert!(grants.by_socket.is_empty() && grants.by_channel.is_empty());
    }
}
