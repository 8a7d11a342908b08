//! The members of a presence channel.

use std::collections::{BTreeMap, btree_map::Entry};

use serde_json::value::RawValue;

/// A presence member, within the limits of the protocol.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) user_id: String,
    /// `null` if the signature carries no `user_info`.
    pub(super) info: Box<RawValue>,
    escaped: Escaped,
}

/// The members of a presence channel. A member is a user with one or more connections; the first connection determines
/// `info`.
#[derive(Debug, Default)]
pub(super) struct Roster(BTreeMap<String, RosterEntry>);

#[derive(Debug)]
struct RosterEntry {
    escaped: Escaped,
    connections: usize,
}

/// JSON escaped for use in a JSON string. Encoded once, when the signature is verified, and copied whenever a member
/// joins.
#[derive(Debug, Clone)]
struct Escaped {
    user_id: Box<str>,
    info: Box<str>,
}

/// Maximum number of members of a channel.
const MAX_MEMBERS: usize = 100;

/// The channel has [`MAX_MEMBERS`] members.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RosterFull;

/// Whether a connection's joining or leaving changed the set of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The user's first connection joined or the last one left.
    Member,
    /// The user has other connections in the channel.
    ConnectionOnly,
}

impl Member {
    pub(super) fn new(user_id: String, info: Box<RawValue>) -> Self {
        let escaped = Escaped {
            user_id: escape(&quote(&user_id)),
            info: escape(info.get()),
        };
        Self {
            user_id,
            info,
            escaped,
        }
    }
}

fn quote(text: &str) -> String {
    serde_json::to_string(text).expect("a text serialises without error")
}

/// The text escaped for use in a JSON string.
fn escape(text: &str) -> Box<str> {
    let quoted = quote(text);
    quoted[1..quoted.len() - 1].into()
}

impl Roster {
    pub(super) fn join(&mut self, member: &Member) -> Result<Change, RosterFull> {
        let count = self.0.len();
        match self.0.entry(member.user_id.clone()) {
            Entry::Occupied(mut entry) => {
                entry.get_mut().connections += 1;
                Ok(Change::ConnectionOnly)
            }
            Entry::Vacant(_) if count >= MAX_MEMBERS => Err(RosterFull),
            Entry::Vacant(entry) => {
                entry.insert(RosterEntry {
                    escaped: member.escaped.clone(),
                    connections: 1,
                });
                Ok(Change::Member)
            }
        }
    }

    pub(super) fn leave(&mut self, user_id: &str) -> Change {
        match self.0.get_mut(user_id) {
            Some(entry) if entry.connections > 1 => {
                entry.connections -= 1;
                Change::ConnectionOnly
            }
            Some(_) => {
                self.0.remove(user_id);
                Change::Member
            }
            None => Change::ConnectionOnly,
        }
    }

    /// Appends the protocol's `presence` object, escaped for use in a JSON string.
    pub(super) fn push_escaped(&self, text: &mut String) {
        text.push_str(r#"{\"count\":"#);
        text.push_str(&self.0.len().to_string());
        text.push_str(r#",\"ids\":["#);
        for (i, RosterEntry { escaped, .. }) in self.0.values().enumerate() {
            text.push_str(if i == 0 { "" } else { "," });
            text.push_str(&escaped.user_id);
        }
        text.push_str(r#"],\"hash\":{"#);
        for (i, RosterEntry { escaped, .. }) in self.0.values().enumerate() {
            text.push_str(if i == 0 { "" } else { "," });
            text.push_str(&escaped.user_id);
            text.push(':');
            text.push_str(&escaped.info);
        }
        text.push_str("}}");
    }

    /// The approximate length of that object, in bytes.
    pub(super) fn escaped_len(&self) -> usize {
        let of_member = |entry: &RosterEntry| 2 * entry.escaped.user_id.len() + entry.escaped.info.len() + 3;
        self.0.values().map(of_member).sum()
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn connections(&self) -> BTreeMap<&str, usize> {
        self.0
            .iter()
            .map(|(id, entry)| (id.as_str(), entry.connections))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(user_id: &str) -> Member {
        let info = RawValue::from_string(format!(r#"{{"name":"{user_id}"}}"#)).unwrap();
        Member::new(user_id.to_owned(), info)
    }

    #[test]
    fn only_the_first_and_last_connection_change_membership() {
        let mut roster = Roster::default();
        assert_eq!(roster.join(&member("a")), Ok(Change::Member));
        assert_eq!(roster.join(&member("a")), Ok(Change::ConnectionOnly));
        assert_eq!(roster.leave("a"), Change::ConnectionOnly);
        assert_eq!(roster.leave("a"), Change::Member);
        assert_eq!(roster.leave("a"), Change::ConnectionOnly);
    }

    #[test]
    fn the_member_limit_counts_users_not_connections() {
        let mut roster = Roster::default();
        for i in 0..100 {
            assert_eq!(roster.join(&member(&i.to_string())), Ok(Change::Member));
        }
        assert_eq!(roster.join(&member("one more")), Err(RosterFull));
        assert_eq!(roster.join(&member("7")), Ok(Change::ConnectionOnly));
    }
}
