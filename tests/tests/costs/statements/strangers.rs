use messaging_core::{
    Actor, ConversationId, Error, ErrorKind, HistoryRequest, MessageId, SendMessage,
    domain::report::Remark,
    event::{ChannelName, SocketId, Typing},
    participant::NewReport,
};
use messaging_test_postgres::Counts;
use messaging_testkit::make::{body, key};

use crate::statements::support::Host;

/// Returns the error and the cost of each use case that names a conversation, for an outsider.
pub(crate) async fn all(
    host: &Host,
    stranger: &Actor,
    id: ConversationId,
    up_to: MessageId,
) -> Vec<(&'static str, ErrorKind, Counts)> {
    let messaging = &host.messaging;
    let send = SendMessage::new(id, body("hello")).with_idempotency_key(key("hello"));
    let history = HistoryRequest::newest(id);
    let report = NewReport::new(Remark::parse("rude").unwrap()).with_message(up_to);
    let socket = SocketId::parse("1.1").unwrap();
    let channel = ChannelName::parse(format!("private-conversation-{id}")).unwrap();
    let mut refused = Vec::new();
    macro_rules! refuse {
        ($($name:literal: $step:expr;)*) => {$(
            let (error, counts): (Error, _) = host.count_refused($step).await;
            refused.push(($name, error.kind().clone(), counts));
        )*};
    }
    refuse! {
        "send": messaging.send_message(stranger, &send);
        "history": messaging.history(stranger, &history);
        "one conversation": messaging.find_conversation(stranger, id);
        "mark as read": messaging.mark_read(stranger, id, up_to);
        "typing": messaging.set_typing(stranger, id, Typing::Started, None);
        "block": messaging.block(stranger, id);
        "unblock": messaging.unblock(stranger, id);
        "report": messaging.report(stranger, id, &report);
        "close": async { messaging.admin(stranger)?.close(id).await };
        "reopen": async { messaging.admin(stranger)?.reopen(id).await };
        "subscribe": messaging.authorize(stranger, &socket, &channel);
    }
    refused
}
