//! A rule of the host that asks the host's database: a client may write to an agent while an order is at most 30 days old.
//!
//! ```console
//! cargo run -p messaging-core --example access_policy
//! ```

use std::{collections::HashMap, error::Error, io, slice, sync::Arc, time::Duration};

use async_trait::async_trait;
use messaging_core::{
    Actor, AgentId, Body, BookingId, Messaging, OpenConversation, Role, SendMessage, Timestamp, UserId,
    clock::{Clock, ManualClock, SequentialIds},
    host::{
        HostError,
        access::{AccessPolicy, ParticipantAction, Participants, Ruling},
        directory::{BookingParties, Contact, Directory, ProfileQuery, Profiles},
    },
    memory::MemoryStore,
};
use tokio::sync::RwLock;

const DAY: Duration = Duration::from_hours(24);

/// The host's database: when each order was made.
#[derive(Default)]
struct Orders(RwLock<HashMap<BookingId, Timestamp>>);

impl Orders {
    async fn insert(&self, id: BookingId, ordered_at: Timestamp) {
        self.0.write().await.insert(id, ordered_at);
    }

    /// `SELECT id FROM orders WHERE id = ANY($1) AND ordered_at >= $2`
    async fn since(&self, ids: &[BookingId], since: Timestamp) -> io::Result<Vec<BookingId>> {
        let orders = self.0.read().await;
        let is_recent = |id: &&BookingId| orders.get(id).is_some_and(|ordered_at| *ordered_at >= since);
        Ok(ids.iter().filter(is_recent).cloned().collect())
    }
}

/// The rule.
struct RecentOrders {
    orders: Arc<Orders>,
    clock: ManualClock,
}

#[async_trait]
impl AccessPolicy for RecentOrders {
    async fn check(
        &self,
        actor: &Actor,
        action: ParticipantAction,
        on: &Participants,
    ) -> Result<Ruling, HostError> {
        if action != ParticipantAction::Send {
            return Ok(Ruling::Allow);
        }
        let rulings = self.check_send_many(actor, slice::from_ref(on)).await?;
        rulings.into_iter().next().ok_or_else(|| HostError::permanent("no ruling"))
    }

    /// One query for a whole page of a list.
    async fn check_send_many(&self, _: &Actor, on: &[Participants]) -> Result<Vec<Ruling>, HostError> {
        let bookings: Vec<_> = on.iter().flat_map(|one| one.bookings.clone()).collect();
        let since = self.clock.now() - 30 * DAY;
        let recent = self.orders.since(&bookings, since).await.map_err(HostError::temporary)?;
        let rule = |one: &Participants| {
            if one.bookings.iter().any(|id| recent.contains(id)) {
                Ruling::Allow
            } else {
                Ruling::refuse("Your order is more than 30 days old. Please write to our support.")
            }
        };
        Ok(on.iter().map(rule).collect())
    }
}

/// Ada answers for `alpine`, with whom every booking is carl's.
struct People;

#[async_trait]
impl Directory for People {
    async fn profiles(&self, _: &ProfileQuery) -> Result<Profiles, HostError> {
        Ok(Profiles::default())
    }

    async fn agent_user(&self, _: &AgentId) -> Result<Option<UserId>, HostError> {
        Ok(Some(UserId::parse("ada")?))
    }

    async fn booking_parties(&self, _: &BookingId) -> Result<Option<BookingParties>, HostError> {
        Ok(Some(BookingParties { client_id: UserId::parse("carl")?, agent_id: AgentId::parse("alpine")? }))
    }

    async fn contacts(&self, _: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError> {
        Ok(HashMap::new())
    }
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (orders, clock) = (Arc::new(Orders::default()), ManualClock::new());
    let policy = RecentOrders { orders: orders.clone(), clock: clock.clone() };
    let (messaging, _workers) = Messaging::builder(MemoryStore::new(), People)
        .policy(policy)
        .clock(clock.clone())
        .ids(SequentialIds::default())
        .build()?;

    let order = BookingId::parse("order-1")?;
    orders.insert(order.clone(), clock.now()).await;
    let carl = Actor::new(UserId::parse("carl")?, Role::Client);
    let open = OpenConversation::new(AgentId::parse("alpine")?).with_booking(order);
    let conversation_id = messaging.open_conversation(&carl, &open).await?.conversation.id();
    let question = SendMessage::new(conversation_id, Body::parse("Is the hut open in May?")?);

    let mut outcomes = Vec::new();
    for days in [0, 30, 1] {
        clock.advance(days * DAY);
        let sent = messaging.send_message(&carl, &question).await;
        let can_send = messaging.find_conversation(&carl, conversation_id).await?.view.can_send();
        match &sent {
            Ok(_) => println!("{}: sent; canSend is {can_send}", clock.now()),
            Err(error) => println!("{}: {error}; canSend is {can_send}", clock.now()),
        }
        outcomes.push((sent.is_ok(), can_send));
    }
    assert_eq!(outcomes, [(true, true), (true, true), (false, false)]);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_client_may_write_while_an_order_is_at_most_30_days_old() {
        super::main().expect("the example runs");
    }
}
