//! For whom which connection's subscriptions were signed.

use std::collections::{HashMap, HashSet, VecDeque};

use messaging_core::{
    event::{ChannelName, SocketId},
    id::UserId,
};

/// What was signed here and not revoked since. Bounded for each connection; its oldest is forgotten.
#[derive(Debug)]
pub(super) struct Grants {
    most: usize,
    // Tens of entries a connection: looking through them is quicker than hashing names.
    by_socket: HashMap<SocketId, VecDeque<(ChannelName, UserId)>>,
    by_channel: HashMap<ChannelName, HashSet<SocketId>>,
}

impl Grants {
    /// At most so many for each connection.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            by_socket: HashMap::new(),
            by_channel: HashMap::new(),
        }
    }

    /// Adds one; what was signed for others stands.
    pub(super) fn insert(&mut self, socket_id: &SocketId, channel: &ChannelName, user: &UserId) {
        let grants = self.by_socket.entry(socket_id.clone()).or_default();
        grants.retain(|(granted, holder)| granted != channel || holder != user);
        let oldest = if grants.len() >= self.most {
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
            self.tidy(socket_id, &channel);
        }
    }

    /// For whom a connection's subscription to a channel was signed, the oldest first.
    pub(super) fn holders(
        &self,
        socket_id: &SocketId,
        channel: &ChannelName,
    ) -> impl Iterator<Item = &UserId> {
        let grants = self.by_socket.get(socket_id).into_iter().flatten();
        grants.filter_map(move |(granted, holder)| (granted == channel).then_some(holder))
    }

    /// Forgets what was signed for a user and a channel, on every connection.
    pub(super) fn revoke(&mut self, user: &UserId, channel: &ChannelName) {
        let sockets = self.by_channel.get(channel).into_iter().flatten();
        for socket_id in sockets.cloned().collect::<Vec<_>>() {
            if let Some(grants) = self.by_socket.get_mut(&socket_id) {
                grants.retain(|(granted, holder)| granted != channel || holder != user);
            }
            self.tidy(&socket_id, channel);
        }
    }

    /// Forgets what was signed for a connection.
    pub(super) fn forget(&mut self, socket_id: &SocketId) {
        for (channel, _) in self.by_socket.remove(socket_id).unwrap_or_default() {
            self.tidy(socket_id, &channel);
        }
    }

    /// Takes a connection that holds nothing for a channel any more out of the channel's index.
    fn tidy(&mut self, socket_id: &SocketId, channel: &ChannelName) {
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
    /// Panics unless the grants and their index agree, and none is of a connection that is not there.
    pub(super) fn assert_consistent(&self, is_there: impl Fn(&SocketId) -> bool) {
        let mut by_channel: HashMap<ChannelName, HashSet<SocketId>> = HashMap::new();
        for (socket_id, grants) in &self.by_socket {
            assert!(is_there(socket_id) && (1..=self.most).contains(&grants.len()));
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
    fn what_was_signed_for_one_user_stands_beside_what_was_for_another() {
        let mut grants = Grants::new(4);
        for who in ["ann", "bob", "ann"] {
            grants.insert(&socket("1.1"), &channel("private-a"), &user(who));
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
    fn the_oldest_of_a_connection_is_forgotten() {
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
    fn a_connection_that_has_gone_leaves_nothing() {
        let mut grants = Grants::new(2);
        grants.insert(&socket("1.1"), &channel("private-a"), &user("ann"));
        grants.forget(&socket("1.1"));
        check(&grants, "1.1", "private-a", &[]);
        assert!(grants.by_socket.is_empty() && grants.by_channel.is_empty());
    }
}
