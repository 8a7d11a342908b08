//! Projection of outbox entries to events.

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
    host::directory::Profiles,
    id::{ConversationId, UserId},
    store::{LoadedEntry, Subject},
};

/// The events of one outbox entry. A message whose event would have more than `data_bytes` bytes of data is sent
/// without its content and with `"truncated": true`; all other events have less than 6,000 bytes.
pub(crate) fn project(
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

/// The event for a user who is typing or has stopped; `except` is the user's own connection.
pub(crate) fn typing(
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;
    use crate::{
        domain::{
            body::Body,
            message::{NewMessage, Origin},
            opening::PreparedOpen,
            receipt::Receipt,
            side::Recipients,
        },
        event::ChannelName,
        host::directory::UserProfile,
        id::{AgentId, BookingId, MessageId},
        store::{Entry, EntryKind},
        time::Timestamp,
    };

    fn origins() -> impl Strategy<Value = Option<Recipients>> {
        prop::sample::select(vec![
            None,
            Some(Recipients::Side(Side::Client)),
            Some(Recipients::Side(Side::Agent)),
            Some(Recipients::Both),
        ])
    }

    fn loaded(client: &str, agent: &str, subject: impl FnOnce(&mut Conversation) -> Subject) -> LoadedEntry {
        let mut conversation = Conversation::new(&PreparedOpen {
            id: ConversationId::new(Uuid::from_u128(7)),
            client_id: UserId::parse(client).unwrap(),
            agent_id: AgentId::parse("agency").unwrap(),
            agent_user_id: UserId::parse(agent).unwrap(),
            booking_id: None,
            now: Timestamp::EPOCH,
        });
        let subject = subject(&mut conversation);
        let entry = Entry {
            conversation_id: conversation.id,
            number: 1,
            kind: EntryKind::Updated,
            at: Timestamp::EPOCH,
        };
        LoadedEntry {
            entry,
            conversation,
            subject,
            lost_access: None,
        }
    }

    fn message(conversation: &mut Conversation, system: Option<Recipients>, text: &str) -> Subject {
        let user_id = conversation.client_id.clone();
        let origin = system.map_or(Origin::user(Side::Client, user_id), Origin::system);
        Subject::Message(MessageRow::unread(conversation.append(&NewMessage {
            id: MessageId::new(Uuid::from_u128(8)),
            origin,
            body: Body::from_stored(text.to_owned()),
            extras: None,
            idempotency_key: None,
            now: Timestamp::EPOCH,
            digest_at: None,
        })))
    }

    fn data(event: &Event) -> Value {
        serde_json::from_str(&event.data).unwrap()
    }

    /// Enough for every event whose content alone may be left out.
    const ROOM: usize = 6_000;

    proptest! {
        #[test]
        fn a_message_is_published_to_the_conversation_and_the_addressed_users(
            client in "[!-~]{1,255}", agent in "[!-~]{1,255}", text in any::<String>(), name in any::<String>(),
            system in origins(), data_bytes in ROOM..20_000_usize, repeat in 1..300_usize
        ) {
            let text = text.repeat(repeat);
            let loaded = loaded(&client, &agent, |conversation| message(conversation, system, &text));
            let mut profiles = Profiles::default();
            profiles.add_user(UserId::parse(&client).unwrap(), UserProfile { name, image: None });
            let names = ChannelNames::default();
            let events = project(&loaded, &profiles, &names, data_bytes);
            let whole = project(&loaded, &profiles, &names, usize::MAX);

            let addressed: Vec<_> = Side::ALL.into_iter().filter(|side| {
                system.map_or(*side == Side::Agent, |to| to.includes(*side))
            }).collect();
            let channels: Vec<_> = events.iter().map(|event| event.channel.clone()).collect();
            let mut expected = vec![names.name(&Channel::Conversation(loaded.conversation.id))];
            let own = |side: &Side| names.name(&Channel::User(loaded.conversation.user(*side).clone()));
            expected.extend(addressed.iter().map(own));
            prop_assert_eq!(channels, expected);

            for (event, whole) in events.iter().zip(&whole) {
                prop_assert!(ChannelName::parse(event.channel.as_str()).is_ok());
                prop_assert!(event.data.len() <= data_bytes);
                let is_cut = whole.data.len() > data_bytes;
                prop_assert_eq!(is_cut, event.data != whole.data);
                let message = data(event);
                let message = message.get("message").unwrap_or(&message).clone();
                prop_assert_eq!(message.get("truncated") == Some(&Value::Bool(true)), is_cut);
                prop_assert_eq!(message.get("content").is_some(), !is_cut);
                prop_assert_eq!(&message["seq"], &Value::from(1));
            }
            for (event, side) in events[1..].iter().zip(addressed) {
                let counter = loaded.conversation.counters.of(side);
                let (told, side) = (data(event), if side == Side::Client { "client" } else { "agent" });
                prop_assert_eq!(&told["unreadCount"], &Value::from(counter.unread()));
                prop_assert_eq!(&told["unreadVersion"], &Value::from(counter.version()));
                prop_assert_eq!(&told["side"], &Value::from(side));
            }
        }

        #[test]
        fn events_other_than_messages_are_small(
            client in "[!-~]{255}", agent in "[!-~]{255}", booking in "[!-~]{255}", ids in 0..=Subject::MAX_READ_IDS
        ) {
            let receipt = Receipt { side: Side::Agent, up_to_seq: u64::MAX, read_at: Timestamp::EPOCH };
            let message_ids: Vec<_> = (0..ids as u128).map(|n| MessageId::new(Uuid::from_u128(n))).collect();
            let read = loaded(&client, &agent, |_| Subject::Read { receipt, message_ids: message_ids.clone() });
            let booking_id = BookingId::parse(booking).ok();
            let updated = loaded(&client, &agent, |_| Subject::Updated { booking_id: booking_id.clone() });
            for loaded in [read, updated] {
                let events = project(&loaded, &Profiles::default(), &ChannelNames::default(), 0);
                prop_assert_eq!(events.len(), 2);
                prop_assert!(events.iter().all(|event| event.data.len() <= ROOM && data(event).is_object()));
            }
        }
    }
}
