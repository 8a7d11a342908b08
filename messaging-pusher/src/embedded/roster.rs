//! Who is in a presence channel.

use std::collections::{BTreeMap, btree_map::Entry};

use serde_json::value::RawValue;

/// A person as the other members see them; within the limits of the protocol.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) user_id: String,
    /// `null` when nothing is said about them.
    pub(super) info: Box<RawValue>,
    escaped: Escaped,
}

/// The members of a presence channel. A member is a user, through however many connections, and stays what
/// their first connection said about them.
#[derive(Debug, Default)]
pub(super) struct Roster(BTreeMap<String, Present>);

#[derive(Debug)]
struct Present {
    escaped: Escaped,
    connections: usize,
}

/// JSON as it stands within a JSON text: encoded once, when a signature is verified, and only copied
/// whenever someone joins.
#[derive(Debug, Clone)]
struct Escaped {
    user_id: Box<str>,
    info: Box<str>,
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

/// A text as it stands between the quotes of a JSON text.
fn escape(text: &str) -> Box<str> {
    let quoted = quote(text);
    quoted[1..quoted.len() - 1].into()
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
                    escaped: member.escaped.clone(),
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

    /// Writes the protocol's `presence` object, as it stands within a JSON text.
    pub(super) fn push_escaped(&self, text: &mut String) {
        text.push_str(r#"{\"count\":"#);
        text.push_str(&self.0.len().to_string());
        text.push_str(r#",\"ids\":["#);
        for (i, Present { escaped, .. }) in self.0.values().enumerate() {
            text.push_str(if i == 0 { "" } else { "," });
            text.push_str(&escaped.user_id);
        }
        text.push_str(r#"],\"hash\":{"#);
        for (i, Present { escaped, .. }) in self.0.values().enumerate() {
            text.push_str(if i == 0 { "" } else { "," });
            text.push_str(&escaped.user_id);
            text.push(':');
            text.push_str(&escaped.info);
        }
        text.push_str("}}");
    }

    /// About how many bytes that takes.
    pub(super) fn escaped_len(&self) -> usize {
        let of_member =
            |present: &Present| 2 * present.escaped.user_id.len() + present.escaped.info.len() + 3;
        self.0.values().map(of_member).sum()
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn connections(&self) -> BTreeMap<&str, usize> {
        self.0
            .iter()
            .map(|(id, present)| (id.as_str(), present.connections))
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
}
