//! The scenarios and their requests.

use clap::ValueEnum;
use hyper::Method;
use messaging_core::id::Bucket;
use serde_json::json;
use uuid::Uuid;

use crate::{ground::Scale, http::Call};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Sends messages, each to another conversation.
    Send,
    /// Sends messages to a single conversation.
    SendOne,
    /// Sends messages one after the other, on one connection.
    Lone,
    /// Reads the newest page of a history.
    History,
    /// Reads a page in the middle of a history.
    HistoryDeep,
    /// Reads the first page of an agent's list.
    List,
    /// Reads an agent's unread total.
    Unread,
    /// Marks a conversation as read.
    MarkRead,
    /// Opens new conversations.
    Open,
    /// Measures the delay from a request to the frame on a subscribed WebSocket.
    Delivery,
    /// Opens WebSockets that only listen.
    Idle,
}

/// The inputs of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn<'a> {
    /// The number of the connection.
    pub(crate) connection: usize,
    /// The number of the call on its connection.
    pub(crate) n: usize,
    pub(crate) scale: Scale,
    pub(crate) random: u64,
    /// Conversations, with a cursor in the middle of each.
    pub(crate) middles: &'a [(u64, String)],
}

impl Scenario {
    pub(crate) const ALL: [Self; 11] = [
        Self::Send,
        Self::SendOne,
        Self::Lone,
        Self::History,
        Self::HistoryDeep,
        Self::List,
        Self::Unread,
        Self::MarkRead,
        Self::Open,
        Self::Delivery,
        Self::Idle,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::SendOne => "send-one",
            Self::Lone => "lone",
            Self::History => "history",
            Self::HistoryDeep => "history-deep",
            Self::List => "list",
            Self::Unread => "unread",
            Self::MarkRead => "mark-read",
            Self::Open => "open",
            Self::Delivery => "delivery",
            Self::Idle => "idle",
        }
    }

    pub(crate) fn connections(self, asked: usize) -> usize {
        if self == Self::Lone { 1 } else { asked }
    }

    /// Returns the next call of a connection.
    pub(crate) fn call(self, turn: Turn<'_>) -> Call {
        let Turn { scale, random, .. } = turn;
        let any = random % scale.conversations;
        match self {
            Self::Send | Self::Lone | Self::Delivery | Self::Idle => send(any),
            Self::SendOne => send(0),
            Self::History => history(any, None),
            Self::HistoryDeep => {
                let (conversation, cursor) = &turn.middles[turn.n % turn.middles.len()];
                history(*conversation, Some(cursor))
            }
            Self::List => of_agent(scale, random, "/api/messages/conversations?limit=30"),
            Self::Unread => of_agent(scale, random, "/api/messages/unread"),
            Self::MarkRead => mark_read(turn),
            Self::Open => Call {
                user: client(any),
                method: Method::POST,
                path: "/api/messages/conversations".to_owned(),
                // No other call has this number.
                body: json!({ "agentId": format!("agency-{}", 1_000_000 + random % 1_000_000_000) })
                    .to_string(),
            },
        }
    }
}

/// Sends a message of the client.
pub(crate) fn send(conversation: u64) -> Call {
    let key = Uuid::new_v4().simple().to_string();
    let body = json!({
        "conversationId": id(conversation),
        "content": "Is the hut open in May? We would be four, and a dog.",
        "clientMessageId": key,
    });
    Call {
        user: client(conversation),
        method: Method::POST,
        path: "/api/messages".to_owned(),
        body: body.to_string(),
    }
}

/// Marks one more message as read on each visit of a conversation. Each connection has its own conversations,
/// so that no position moves backwards.
fn mark_read(turn: Turn<'_>) -> Call {
    let Scale {
        conversations,
        per_conversation,
    } = turn.scale;
    let own = (conversations / 64).max(1);
    let conversation = (turn.connection as u64 % 64) * own + turn.n as u64 % own;
    // The client's messages have odd seqs, and the last five of them are unread.
    let seq = per_conversation - 9 + 2 * (turn.n as u64 / own % 5);
    Call {
        user: agent(conversation, turn.scale),
        method: Method::POST,
        path: "/api/messages/read".to_owned(),
        body: json!({ "conversationId": id(conversation), "upTo": message_id(conversation, seq) })
            .to_string(),
    }
}

pub(crate) fn history(conversation: u64, cursor: Option<&str>) -> Call {
    let cursor = cursor.map_or(String::new(), |cursor| format!("&cursor={cursor}"));
    Call {
        user: client(conversation),
        method: Method::GET,
        path: format!(
            "/api/messages?conversationId={}&limit=50&markRead=false{cursor}",
            id(conversation)
        ),
        body: String::new(),
    }
}

fn of_agent(scale: Scale, random: u64, path: &str) -> Call {
    Call {
        user: format!("agent-{}", random % scale.agents() + 1),
        method: Method::GET,
        path: path.to_owned(),
        body: String::new(),
    }
}

/// Ids as in `seed.sql`.
pub(crate) fn id(conversation: u64) -> Uuid {
    Uuid::from_u128(0x7000_8000_0000_0000_0000 | u128::from(conversation) << Bucket::BITS)
}

pub(crate) fn client(conversation: u64) -> String {
    format!("client-{}", conversation + 1)
}

pub(crate) fn agent(conversation: u64, scale: Scale) -> String {
    format!("agent-{}", conversation % scale.agents() + 1)
}

fn message_id(conversation: u64, seq: u64) -> Uuid {
    Uuid::from_u128((u128::from(conversation) << 64) | 0x8000_0000_0000_0000 | u128::from(seq))
}
