//! For whom a connection's subscriptions were signed.

use std::collections::VecDeque;

use messaging_core::{event::ChannelName, id::UserId};

/// For each channel that was signed for one connection: for whom, last. Bounded; the oldest is forgotten.
#[derive(Debug)]
pub(super) struct Grants {
    most: usize,
    // Tens of entries: looking through them is quicker than hashing names.
    grants: VecDeque<(ChannelName, UserId)>,
}

impl Grants {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            grants: VecDeque::new(),
        }
    }

    pub(super) fn insert(&mut self, channel: ChannelName, user: UserId) {
        self.grants.retain(|(granted, _)| *granted != channel);
        if self.grants.len() >= self.most {
            self.grants.pop_front();
        }
        self.grants.push_back((channel, user));
    }

    pub(super) fn user(&self, channel: &ChannelName) -> Option<&UserId> {
        let (_, user) = self.grants.iter().find(|(granted, _)| granted == channel)?;
        Some(user)
    }

    pub(super) fn remove(&mut self, channel: &ChannelName, user: &UserId) {
        self.grants
            .retain(|(granted, holder)| granted != channel || holder != user);
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

    #[test]
    fn the_last_signature_counts_and_the_oldest_is_forgotten() {
        let mut grants = Grants::new(2);
        grants.insert(channel("private-a"), user("ann"));
        grants.insert(channel("private-b"), user("ann"));
        grants.insert(channel("private-a"), user("bob"));
        grants.insert(channel("private-c"), user("ann"));
        assert_eq!(grants.user(&channel("private-a")), Some(&user("bob")));
        assert_eq!(grants.user(&channel("private-b")), None);
        grants.remove(&channel("private-a"), &user("ann"));
        assert_eq!(grants.user(&channel("private-a")), Some(&user("bob")));
        grants.remove(&channel("private-a"), &user("bob"));
        assert_eq!(grants.user(&channel("private-a")), None);
    }
}
