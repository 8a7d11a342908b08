//! Who is in a presence channel.

use std::collections::{BTreeMap, btree_map::Entry};

use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::value::RawValue;

/// A person as the other members see them; within the limits of the protocol.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) user_id: String,
    /// `null` when nothing is said about them.
    pub(super) info: Box<RawValue>,
}

/// The members of a presence channel. A member is a user, through however many connections, and stays what
/// their first connection said about them. Serialises as the protocol's `presence` object.
#[derive(Debug, Default)]
pub(super) struct Roster(BTreeMap<String, Present>);

#[derive(Debug)]
struct Present {
    info: Box<RawValue>,
    connections: usize,
}

/// The most members of a channel.
const MAX_MEMBERS: usize = 100;

/// The channel has as many members as may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Whether a user's coming or going changed who is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It was the user's first connection to come, or the last to go.
    Member,
    /// The user is here through other connections too.
    ConnectionOnly,
}

impl Roster {
    pub(super) fn join(&mut self, member: &Member) -> Result<Change, Full> {
        let count = self.0.len();
        match self.0.entry(member.user_id.clone()) {
            Entry::Occupied(mut present) => {
                present.get_mut().connections += 1;
                Ok(Change::ConnectionOnly)
            }
            Entry::Vacant(_) if count >= MAX_MEMBERS => Err(Full),
            Entry::Vacant(place) => {
                place.insert(Present {
                    info: member.info.clone(),
                    connections: 1,
                });
                Ok(Change::Member)
            }
        }
    }

    pub(super) fn leave(&mut self, user_id: &str) -> Change {
        match self.0.get_mut(user_id) {
            Some(present) if present.connections > 1 => {
                present.connections -= 1;
                Change::ConnectionOnly
            }
            Some(_) => {
                self.0.remove(user_id);
                Change::Member
            }
            None => Change::ConnectionOnly,
        }
    }

    #[cfg(test)]
    pub(super) fn connections(&self) -> BTreeMap<&str, usize> {
        self.0
            .iter()
            .map(|(id, present)| (id.as_str(), present.connections))
            .collect()
    }
}

impl Serialize for Roster {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ids: Vec<&str> = self.0.keys().map(String::as_str).collect();
        let hash: BTreeMap<&str, &RawValue> = self
            .0
            .iter()
            .map(|(id, present)| (id.as_str(), &*present.info))
            .collect();
        let mut presence = serializer.serialize_struct("presence", 3)?;
        presence.serialize_field("count", &self.0.len())?;
        presence.serialize_field("ids", &ids)?;
        presence.serialize_field("hash", &hash)?;
        presence.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(user_id: &str) -> Member {
        Member {
            user_id: user_id.to_owned(),
            info: RawValue::from_string(format!(r#"{{"name":"{user_id}"}}"#)).unwrap(),
        }
    }

    #[test]
    fn a_user_joins_once_and_leaves_once() {
        let mut roster = Roster::default();
        assert_eq!(roster.join(&member("a")), Ok(Change::Member));
        assert_eq!(roster.join(&member("a")), Ok(Change::ConnectionOnly));
        assert_eq!(roster.leave("a"), Change::ConnectionOnly);
        assert_eq!(roster.leave("a"), Change::Member);
        assert_eq!(roster.leave("a"), Change::ConnectionOnly);
    }

    #[test]
    fn a_hundred_users_fit_and_their_further_connections_too() {
        let mut roster = Roster::default();
        for i in 0..100 {
            assert_eq!(roster.join(&member(&i.to_string())), Ok(Change::Member));
        }
        assert_eq!(roster.join(&member("one more")), Err(Full));
        assert_eq!(roster.join(&member("7")), Ok(Change::ConnectionOnly));
    }

    #[test]
    fn it_reads_as_the_protocol_says() {
        let mut roster = Roster::default();
        for id in ["b", "a"] {
            roster.join(&member(id)).unwrap();
        }
        assert_eq!(
            serde_json::to_string(&roster).unwrap(),
            r#"{"count":2,"ids":["a","b"],"hash":{"a":{"name":"a"},"b":{"name":"b"}}}"#
        );
    }
}
