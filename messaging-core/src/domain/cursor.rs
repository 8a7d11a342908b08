//! Cursors: positions in lists, from which the next page begins.
//!
//! A cursor is opaque to clients: base64url of a version byte, a byte for the kind of list, the scope of the scan and a
//! position in it. It carries the scope so that a cursor of another list is refused.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::scope::ListScope;
use crate::{
    id::{AuditId, ConversationId, ReportId},
    time::Timestamp,
};

/// A position in a list of conversations: after the conversation with this activity and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCursor {
    scope: ListScope,
    activity_at: Timestamp,
    id: ConversationId,
}

/// A position in a conversation's history: at the message with this seq, or before the first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryCursor {
    conversation_id: ConversationId,
    seq: u64,
}

/// The text is not a valid cursor, has another version, or belongs to another list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor of this list")]
pub struct InvalidCursor;

const VERSION: u8 = 1;
const LIST: u8 = b'l';
const HISTORY: u8 = b'h';
const REPORTS: u8 = b'r';
const AUDIT: u8 = b'a';

impl HistoryCursor {
    /// The position at a message, or (seq 0) before the first message.
    pub fn new(conversation_id: ConversationId, seq: u64) -> Self {
        Self { conversation_id, seq }
    }

    /// The conversation of the history.
    pub fn conversation_id(&self) -> ConversationId {
        self.conversation_id
    }

    /// The seq of the position.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The opaque text form.
    pub fn encode(&self) -> String {
        let mut bytes = vec![VERSION, HISTORY];
        bytes.extend(self.conversation_id.as_uuid().as_bytes());
        bytes.extend(self.seq.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Decodes a cursor of this conversation's history.
    ///
    /// # Errors
    /// [`InvalidCursor`] for anything else.
    pub fn decode(text: &str, of: ConversationId) -> Result<Self, InvalidCursor> {
        let mut scan = Scan::open(text, HISTORY)?;
        let cursor = Self {
            conversation_id: scan.conversation_id()?,
            seq: scan.number()?,
        };
        // Stores keep a seq as a signed number.
        let possible = i64::try_from(cursor.seq).is_ok();
        if scan.0.is_empty() && cursor.conversation_id == of && possible {
            Ok(cursor)
        } else {
            Err(InvalidCursor)
        }
    }
}

impl ListCursor {
    /// The position after a conversation.
    pub fn new(scope: ListScope, activity_at: Timestamp, id: ConversationId) -> Self {
        Self {
            scope,
            activity_at,
            id,
        }
    }

    /// The scope of the list.
    pub fn scope(&self) -> &ListScope {
        &self.scope
    }

    /// The activity of the conversation before this position.
    pub fn activity_at(&self) -> Timestamp {
        self.activity_at
    }

    /// The id of the conversation before this position.
    pub fn id(&self) -> ConversationId {
        self.id
    }

    /// The opaque text form.
    pub fn encode(&self) -> String {
        let mut bytes = vec![VERSION, LIST];
        bytes.extend(self.activity_at.as_millis().to_be_bytes());
        bytes.extend(self.id.as_uuid().as_bytes());
        bytes.extend(self.scope.tag());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Decodes a cursor of this scope's list.
    ///
    /// # Errors
    /// [`InvalidCursor`] for anything else.
    pub fn decode(text: &str, of: &ListScope) -> Result<Self, InvalidCursor> {
        let mut scan = Scan::open(text, LIST)?;
        let millis = i64::try_from(scan.number()?).map_err(|_| InvalidCursor)?;
        let activity_at = Timestamp::from_millis(millis);
        let id = scan.conversation_id()?;
        if activity_at.as_millis() == millis && scan.0 == of.tag() {
            Ok(Self {
                scope: of.clone(),
                activity_at,
                id,
            })
        } else {
            Err(InvalidCursor)
        }
    }
}

/// A cursor of a list that is sorted by ids, which grow with time.
macro_rules! id_cursor {
    ($(#[$doc:meta])* $name:ident of $kind:ident at $id:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name($id);

        impl $name {
            /// The position after the item with that id.
            pub fn new(id: $id) -> Self {
                Self(id)
            }

            /// The id of the item before this position.
            pub fn id(self) -> $id {
                self.0
            }

            /// The opaque text form.
            pub fn encode(&self) -> String {
                let mut bytes = vec![VERSION, $kind];
                bytes.extend(self.0.as_uuid().as_bytes());
                URL_SAFE_NO_PAD.encode(bytes)
            }

            /// Decodes a cursor of this list.
            ///
            /// # Errors
            /// [`InvalidCursor`] for anything else.
            pub fn decode(text: &str) -> Result<Self, InvalidCursor> {
                let mut scan = Scan::open(text, $kind)?;
                let id = <$id>::new(Uuid::from_bytes(scan.take()?));
                if scan.0.is_empty() {
                    Ok(Self(id))
                } else {
                    Err(InvalidCursor)
                }
            }
        }
    };
}

id_cursor! {
    /// A position in the list of reports.
    ReportCursor of REPORTS at ReportId
}
id_cursor! {
    /// A position in the audit log.
    AuditCursor of AUDIT at AuditId
}

/// The unread rest of a decoded cursor.
struct Scan(Vec<u8>);

impl Scan {
    fn open(text: &str, kind: u8) -> Result<Self, InvalidCursor> {
        let mut scan = Self(URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?);
        if scan.take::<2>()? == [VERSION, kind] {
            Ok(scan)
        } else {
            Err(InvalidCursor)
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], InvalidCursor> {
        let taken = *self.0.first_chunk::<N>().ok_or(InvalidCursor)?;
        self.0.drain(..N);
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, InvalidCursor> {
        self.take().map(u64::from_be_bytes)
    }

    fn conversation_id(&mut self) -> Result<ConversationId, InvalidCursor> {
        self.take()
            .map(|bytes| ConversationId::new(Uuid::from_bytes(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::{AgentId, UserId};

    fn id(n: u128) -> ConversationId {
        ConversationId::new(Uuid::from_u128(n))
    }

    fn scopes() -> impl Strategy<Value = ListScope> {
        let user = || "[!-~]{1,255}".prop_map(|id| UserId::parse(id).unwrap());
        let agent = "[!-~]{1,255}".prop_map(|id| AgentId::parse(id).unwrap());
        prop_oneof![
            user().prop_map(ListScope::Client),
            (agent, user()).prop_map(|(agent_id, user_id)| ListScope::Agent { agent_id, user_id }),
            user().prop_map(ListScope::All),
        ]
    }

    #[test]
    fn invalid_cursors_are_refused() {
        for text in [
            "",
            "!",
            "AAAA",
            "null",
            "0",
            "2026-01-01T00:00:00Z",
            "AWg",
            &"A".repeat(10_000),
        ] {
            assert_eq!(HistoryCursor::decode(text, id(0)), Err(InvalidCursor), "{text:?}");
            let scope = ListScope::Client(UserId::parse("a").unwrap());
            assert_eq!(ListCursor::decode(text, &scope), Err(InvalidCursor), "{text:?}");
            assert_eq!(ReportCursor::decode(text), Err(InvalidCursor), "{text:?}");
        }
    }

    #[test]
    fn a_cursor_of_another_version_is_refused() {
        let mut bytes = URL_SAFE_NO_PAD
            .decode(HistoryCursor::new(id(1), 1).encode())
            .unwrap();
        bytes[0] = VERSION + 1;
        assert_eq!(
            HistoryCursor::decode(&URL_SAFE_NO_PAD.encode(bytes), id(1)),
            Err(InvalidCursor)
        );
    }

    #[test]
    fn a_seq_above_the_range_of_a_signed_number_is_refused() {
        assert!(HistoryCursor::decode(&HistoryCursor::new(id(1), i64::MAX as u64).encode(), id(1)).is_ok());
        assert!(HistoryCursor::decode(&HistoryCursor::new(id(1), u64::MAX).encode(), id(1)).is_err());
    }

    proptest! {
        #[test]
        fn a_history_cursor_is_decoded_for_its_conversation_only(a: u128, b: u128, seq in 0..u64::MAX / 2) {
            let cursor = HistoryCursor::new(id(a), seq);
            prop_assert_eq!(HistoryCursor::decode(&cursor.encode(), id(a)), Ok(cursor));
            if a != b {
                prop_assert_eq!(HistoryCursor::decode(&cursor.encode(), id(b)), Err(InvalidCursor));
            }
        }

        #[test]
        fn a_list_cursor_is_decoded_for_its_scope_only(
            a in scopes(), b in scopes(), n: u128, at in 0..253_402_300_800_000_i64
        ) {
            let cursor = ListCursor::new(a.clone(), Timestamp::from_millis(at), id(n));
            prop_assert_eq!(ListCursor::decode(&cursor.encode(), &a), Ok(cursor.clone()));
            if a != b {
                prop_assert_eq!(ListCursor::decode(&cursor.encode(), &b), Err(InvalidCursor));
            }
            prop_assert_eq!(HistoryCursor::decode(&cursor.encode(), id(n)), Err(InvalidCursor));
        }

        #[test]
        fn a_report_cursor_is_refused_by_other_lists(n: u128) {
            let cursor = ReportCursor::new(ReportId::new(Uuid::from_u128(n)));
            prop_assert_eq!(ReportCursor::decode(&cursor.encode()), Ok(cursor));
            prop_assert_eq!(HistoryCursor::decode(&cursor.encode(), id(n)), Err(InvalidCursor));
            prop_assert_eq!(ReportCursor::decode(&HistoryCursor::new(id(n), 1).encode()), Err(InvalidCursor));
            prop_assert_eq!(AuditCursor::decode(&cursor.encode()), Err(InvalidCursor));
            let longer = URL_SAFE_NO_PAD.decode(cursor.encode()).unwrap().into_iter().chain([0]);
            let longer = URL_SAFE_NO_PAD.encode(longer.collect::<Vec<_>>());
            prop_assert_eq!(ReportCursor::decode(&longer), Err(InvalidCursor));
        }

        #[test]
        fn decoding_any_text_does_not_panic(text: String, bytes: Vec<u8>) {
            for text in [text, URL_SAFE_NO_PAD.encode(bytes)] {
                let _ = HistoryCursor::decode(&text, id(0));
                let _ = (ReportCursor::decode(&text), AuditCursor::decode(&text));
                let _ = ListCursor::decode(&text, &ListScope::All(UserId::parse("a").unwrap()));
            }
        }
    }
}
