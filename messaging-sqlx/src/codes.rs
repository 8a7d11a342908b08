//! Small integer codes for non-numeric values, the same in both databases.

use std::time::Duration;

use messaging_core::{
    domain::{
        message::Origin,
        report::{Outcome, ReportStatus},
        side::{Recipients, Side},
    },
    id::UserId,
    store::EntryKind,
    time::Timestamp,
};
use uuid::Uuid;

/// The bit of a side.
pub(crate) const fn side_code(side: Side) -> i16 {
    match side {
        Side::Client => 1,
        Side::Agent => 2,
    }
}

/// The side of a code; `None` for an unknown code.
pub(crate) const fn side_of_code(code: i16) -> Option<Side> {
    match code {
        1 => Some(Side::Client),
        2 => Some(Side::Agent),
        _ => None,
    }
}

/// The code of the set of sides for which `holds` is true.
pub(crate) fn sides_code(holds: impl Fn(Side) -> bool) -> i16 {
    Side::ALL
        .into_iter()
        .filter(|side| holds(*side))
        .map(side_code)
        .sum()
}

/// Whether a code's set contains a side.
pub(crate) const fn holds(code: i16, side: Side) -> bool {
    code & side_code(side) != 0
}

/// The recipients of a code; `None` for an empty or unknown set.
pub(crate) const fn to_of_code(code: i16) -> Option<Recipients> {
    match (code, side_of_code(code)) {
        (_, Some(side)) => Some(Recipients::Side(side)),
        (3, None) => Some(Recipients::Both),
        _ => None,
    }
}

/// The code of the side that a message comes from; 0 for the system.
pub(crate) const fn origin_code(origin: &Origin) -> i16 {
    match origin {
        Origin::User { side, .. } => side_code(*side),
        Origin::System { .. } => 0,
    }
}

/// A sender as a column; the empty string, which is no user's id, stands for none. NULL would not be equal to
/// itself.
pub(crate) fn sender_code(sender: Option<&UserId>) -> &str {
    sender.map_or("", UserId::as_str)
}

/// The columns kind, side and seq of an entry; `None` for an unknown kind. PostgreSQL's statements contain them
/// as literals.
#[cfg(any(feature = "sqlite", test))]
pub(crate) fn kind_columns(kind: EntryKind) -> Option<(i16, Option<i16>, Option<i64>)> {
    match kind {
        EntryKind::Message { seq } => Some((MESSAGE, None, Some(number(seq)))),
        EntryKind::Read { side, up_to_seq } => Some((READ, Some(side_code(side)), Some(number(up_to_seq)))),
        EntryKind::Updated => Some((UPDATED, None, None)),
        _ => None,
    }
}

/// The kind of an entry with these columns; `None` for invalid columns.
pub(crate) fn kind_of_columns(kind: i16, side: Option<i16>, seq: Option<u64>) -> Option<EntryKind> {
    match (kind, side, seq) {
        (MESSAGE, _, Some(seq)) => Some(EntryKind::Message { seq }),
        (READ, Some(side), Some(up_to_seq)) => {
            side_of_code(side).map(|side| EntryKind::Read { side, up_to_seq })
        }
        (UPDATED, _, _) => Some(EntryKind::Updated),
        _ => None,
    }
}

const MESSAGE: i16 = 1;
const READ: i16 = 2;
const UPDATED: i16 = 3;

/// The code of a resolved report's outcome.
pub(crate) const fn outcome_code(outcome: Outcome) -> i16 {
    match outcome {
        Outcome::Resolved => 1,
        Outcome::Dismissed => 2,
    }
}

/// The outcome of a code; `None` while the report is open.
pub(crate) const fn outcome_of_code(code: i16) -> Option<Outcome> {
    match code {
        1 => Some(Outcome::Resolved),
        2 => Some(Outcome::Dismissed),
        _ => None,
    }
}

/// The code of a report's status: 0 while it is open.
pub(crate) const fn status_code(status: ReportStatus) -> i16 {
    match status {
        ReportStatus::Open => 0,
        ReportStatus::Closed(outcome) => outcome_code(outcome),
    }
}

/// The seq that a complaint is about; `None` for 0, which stands for the whole conversation.
pub(crate) fn about(seq: i64) -> Option<u64> {
    u64::try_from(seq).ok().filter(|seq| *seq > 0)
}

/// The bounds of the ids generated within a span of time. An id encodes the exact millisecond; the extra hour
/// covers manual repairs.
pub(crate) fn ids_of(begin: Timestamp, end: Timestamp) -> (Uuid, Uuid) {
    const SLACK: Duration = Duration::from_hours(1);
    let smallest = |at: Timestamp| Uuid::from_u128(u128::from(at.as_millis().unsigned_abs()) << 80);
    (smallest(begin - SLACK), smallest(end + SLACK))
}

/// A number as a database integer, saturated at the largest.
pub(crate) fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The maximum number of rows to read.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_round_trips_through_its_code() {
        for side in Side::ALL {
            let code = side_code(side);
            assert_eq!(side_of_code(code), Some(side));
            assert_eq!(to_of_code(code), Some(Recipients::Side(side)));
            assert!(holds(code, side) && holds(3, side) && !holds(code, side.other()));
        }
        assert_eq!(to_of_code(sides_code(|_| true)), Some(Recipients::Both));
        for code in [-1, 0, 3, 4] {
            assert_eq!(side_of_code(code), None, "{code}");
        }
        for code in [-1, 0, 4] {
            assert_eq!(to_of_code(code), None, "{code}");
        }
    }

    #[test]
    fn an_entry_kind_round_trips_through_its_columns() {
        let (seq, side) = (7, Side::Agent);
        for kind in [
            EntryKind::Message { seq },
            EntryKind::Read { side, up_to_seq: seq },
            EntryKind::Updated,
        ] {
            let (code, side, seq) = kind_columns(kind).unwrap();
            let seq = seq.map(|seq| u64::try_from(seq).unwrap());
            assert_eq!(kind_of_columns(code, side, seq), Some(kind));
        }
        for (kind, side, seq) in [
            (0, None, None),
            (1, None, None),
            (2, None, Some(1)),
            (2, Some(3), Some(1)),
            (4, None, None),
        ] {
            assert_eq!(kind_of_columns(kind, side, seq), None, "{kind} {side:?} {seq:?}");
        }
    }
}
