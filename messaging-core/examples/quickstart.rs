//! The smallest useful program: a client writes to an agent, and the agent reads it.
//!
//! `cargo run -p messaging-core --example quickstart`

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::{collections::HashMap, error::Error};

use messaging_core::host::HostError;
use messaging_core::host::directory::{
    BookingParties, Contact, Directory, ProfileQuery, Profiles, UserProfile,
};
use messaging_core::{
    Actor, AgentId, Body, BookingId, HistoryRequest, ListRequest, Messaging, OpenConversation, Role,
    SendMessage, UserId,
    domain::page::PageSize,
    participant::{HistoryFrom, MarkOnRead},
};

/// The application's users, agents and bookings.
struct People;

#[async_trait::async_trait]
impl Directory for People {
    /// One query for a whole page. Profiles that are missing are shown blank.
    async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError> {
        let mut found = Profiles::default();
        for id in &query.users {
            found.add_user(id.clone(), UserProfile::named(format!("User {id}")));
        }
        Ok(found)
    }

    /// Here one user answers for every agent.
    async fn agent_user(&self, _: &AgentId) -> Result<Option<UserId>, HostError> {
        Ok(Some(UserId::parse("ada")?))
    }

    async fn booking_parties(&self, _: &BookingId) -> Result<Option<BookingParties>, HostError> {
        Ok(None)
    }

    async fn contacts(&self, _: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError> {
        Ok(HashMap::new())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (messaging, _workers) = Messaging::in_memory(People).build()?;
    let agent_id = AgentId::parse("alpine-trails")?;
    let carl = Actor::new(UserId::parse("carl")?, Role::Client);
    let ada = Actor::new(UserId::parse("ada")?, Role::Agent { agent_id: agent_id.clone() });

    let open = OpenConversation::new(agent_id);
    let conversation_id = messaging.open_conversation(&carl, &open).await?.conversation.id();
    let question = SendMessage::new(conversation_id, Body::parse("Is the hut open in May?")?);
    messaging.send_message(&carl, &question).await?;

    println!("Ada's unread messages: {}", messaging.count_unread(&ada).await?);
    let list = ListRequest::newest();
    for conversation in messaging.list_conversations(&ada, &list).await?.conversations {
        println!("{} of them from {}", conversation.unread_count(), conversation.client.name);
    }

    let (from, limit, mark) = (HistoryFrom::Newest, PageSize::HISTORY, MarkOnRead::Yes);
    let history = HistoryRequest::new(conversation_id, from).with_limit(limit).with_mark(mark);
    for message in messaging.history(&ada, &history).await?.messages {
        println!("{}: {}", message.sender.name, message.text.as_str());
    }
    println!("Ada's unread messages: {}", messaging.count_unread(&ada).await?);
    Ok(())
}
