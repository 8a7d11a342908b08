//! From what happened to what is said about it.

use serde::Serialize;

use super::{
    Channel, ChannelNames, Event, SocketId, Typing, name,
    payload::{
        ConversationUpdated, MessagePayload, MessageRead, Notification, TruncatedMessage, TypingPayload,
        UnreadChanged,
    },
};
use crate::{
    domain::{conversation::Conversation, receipt::MessageRow, side::Side},
    id::{ConversationId, UserId},
    port::{
        directory::Profiles,
        store::{LoadedEntry, Subject},
    },
};

/// The events of one outbox entry. A message whose event would have more than `data_bytes` of data goes
/// without its content and says `"truncated": true`; all other events are small: under 6,000 bytes.
pub fn project(
    loaded: &LoadedEntry,
    profiles: &Profiles,
    names: &ChannelNames,
    data_bytes: usize,
) -> Vec<Event> {
    let conversation = &loaded.conversation;
    let in_conversation = Channel::Conversation(conversation.id);
    let to_user = |side| Channel::User(conversation.user(side).clone());
    let event = |channel: Channel, name, data| Event {
        channel: names.name(&channel),
        name,
        data,
        except: None,
    };

    match &loaded.subject {
        Subject::Message(row) => {
            let (whole, cut) = both_forms(row, profiles);
            let message = json_within(data_bytes, &whole, &cut);
            let mut events = vec![event(in_conversation, name::NEW_MESSAGE, message)];
            for side in Side::ALL
                .into_iter()
                .filter(|side| row.message.origin.addresses(*side))
            {
                let unread = || UnreadChanged::new(conversation, side);
                let data = json_within(
                    data_bytes,
                    &Notification {
                        message: &whole,
                        unread: unread(),
                    },
                    &Notification {
                        message: &cut,
                        unread: unread(),
                    },
                );
                events.push(event(to_user(side), name::NEW_MESSAGE, data));
            }
            events
        }
        Subject::Read { receipt, message_ids } => {
            let read = MessageRead {
                conversation_id: conversation.id,
                reader_id: conversation.user(receipt.side),
                side: receipt.side,
                up_to_seq: receipt.up_to_seq,
                message_ids,
                read_at: receipt.read_at,
            };
            let unread = UnreadChanged::new(conversation, receipt.side);
            vec![
                event(in_conversation, name::MESSAGE_READ, json(&read)),
                event(to_user(receipt.side), name::UNREAD_CHANGED, json(&unread)),
            ]
        }
        Subject::Updated { booking_id } => {
            let data = json(&ConversationUpdated {
                conversation_id: conversation.id,
                status: conversation.status(),
                booking_id: booking_id.as_ref(),
            });
            let updated = |side| event(to_user(side), name::CONVERSATION_UPDATED, data.clone());
            Side::ALL.map(updated).into()
        }
    }
}

/// The event that says that someone types, or stopped; `except` is their own connection.
pub fn typing(
    conversation: &Conversation,
    user_id: &UserId,
    typing: Typing,
    names: &ChannelNames,
    except: Option<SocketId>,
) -> Event {
    let conversation_id: ConversationId = conversation.id;
    Event {
        channel: names.name(&Channel::Conversation(conversation_id)),
        name: match typing {
            Typing::Started => name::TYPING_START,
            Typing::Stopped => name::TYPING_STOP,
        },
        data: json(&TypingPayload {
            conversation_id,
            user_id,
        }),
        except,
    }
}

fn both_forms<'a>(row: &'a MessageRow, profiles: &Profiles) -> (MessagePayload, TruncatedMessage<'a>) {
    let whole = MessagePayload::new(&row.message, |id| profiles.user(id), row.read_at(None));
    (whole, TruncatedMessage::new(&row.message))
}

fn json_within(data_bytes: usize, whole: &impl Serialize, cut: &impl Serialize) -> String {
    let data = json(whole);
    if data.len() <= data_bytes { data } else { json(cut) }
}

fn json(payload: &impl Serialize) -> String {
    serde_json::to_string(payload).expect("payloads have string keys and serialise without error")
}
