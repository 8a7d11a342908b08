#![no_main]
//! Cursors: a text is refused, or is the one text of its cursor, in the one list that it is of.

use libfuzzer_sys::fuzz_target;
use messaging_core::{domain::{cursor::{AuditCursor, HistoryCursor, ListCursor, ReportCursor}, scope::ListScope}, ConversationId, UserId};

fuzz_target!(|input: (&str, [u8; 16])| {
    let (text, id) = input;
    let id = format!("{:032x}", u128::from_be_bytes(id));
    let id = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
    let id = ConversationId::parse(id).expect("a UUID");
    if let Ok(cursor) = HistoryCursor::decode(text, id) {
        assert_eq!(cursor.encode(), text);
    }
    let user = UserId::parse("somebody").expect("an id");
    for scope in [ListScope::All(user.clone()), ListScope::Client(user)] {
        if let Ok(cursor) = ListCursor::decode(text, &scope) {
            assert_eq!(cursor.encode(), text);
        }
    }
    if let Ok(cursor) = ReportCursor::decode(text) {
        assert_eq!(cursor.encode(), text);
        assert!(AuditCursor::decode(text).is_err());
    }
    if let Ok(cursor) = AuditCursor::decode(text) {
        assert_eq!(cursor.encode(), text);
    }
});
