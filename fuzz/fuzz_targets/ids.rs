#![no_main]
//! Ids and times: a text is refused, or is the one text of what it names.

use libfuzzer_sys::fuzz_target;
use messaging_core::{AgentId, BookingId, ConversationId, MessageId, id::ReportId, Timestamp, UserId, event::SocketId};

fuzz_target!(|text: &str| {
    macro_rules! one_text_each {
        ($($id:ty)*) => {$(
            if let Ok(id) = <$id>::parse(text) {
                assert_eq!(id.to_string(), text);
            }
        )*};
    }
    one_text_each!(UserId AgentId BookingId ConversationId MessageId ReportId SocketId);
    if let Ok(at) = Timestamp::parse(text) {
        assert_eq!(Timestamp::parse(at.to_string()), Ok(at));
    }
});
