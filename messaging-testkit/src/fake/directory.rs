use std::{
    collections::HashMap,
    future::pending,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use messaging_core::{
    host::HostError,
    host::HostErrorKind,
    host::directory::{
        AgentProfile, BookingParties, BookingProfile, Contact, Directory, ProfileQuery, Profiles, UserProfile,
    },
    id::{AgentId, BookingId, UserId},
};

use crate::make::{agency_id, client_id, user_id};

/// A directory of all users of [`make`](crate::make): `agent-N` answers for `agency-N`, and `booking-C-A`
/// belongs to `client-C` and `agency-A`, for every number. A user's name is the id. Every user wants e-mail, at
/// the id `@example.com`, unless another contact is [set](Self::set_contact).
///
/// Clones share their call count and behaviour.
#[derive(Debug, Clone, Default)]
pub struct FakeDirectory(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    calls: AtomicUsize,
    behaviour: Mutex<Behaviour>,
    contacts: Mutex<HashMap<UserId, Contact>>,
}

#[derive(Debug, Clone, Copy, Default)]
enum Behaviour {
    #[default]
    Answering,
    Failing(HostErrorKind),
    Hanging,
}

impl FakeDirectory {
    /// Creates a directory that answers every call.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of calls so far.
    pub fn calls(&self) -> usize {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// Answers every call from now on.
    pub fn answer(&self) {
        *self.behaviour() = Behaviour::Answering;
    }

    /// Fails every call from now on.
    pub fn fail(&self, kind: HostErrorKind) {
        *self.behaviour() = Behaviour::Failing(kind);
    }

    /// Leaves every call from now on pending.
    pub fn hang(&self) {
        *self.behaviour() = Behaviour::Hanging;
    }

    /// Sets a user's contact.
    pub fn set_contact(&self, user_id: UserId, contact: Contact) {
        self.contacts_set().insert(user_id, contact);
    }

    fn contacts_set(&self) -> MutexGuard<'_, HashMap<UserId, Contact>> {
        self.0.contacts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.0.behaviour.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn called(&self) -> Result<(), HostError> {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        let behaviour = *self.behaviour();
        match behaviour {
            Behaviour::Answering => Ok(()),
            Behaviour::Hanging => pending().await,
            Behaviour::Failing(HostErrorKind::Temporary) => Err(HostError::temporary("simulated failure")),
            Behaviour::Failing(_) => Err(HostError::permanent("simulated failure")),
        }
    }
}

#[async_trait]
impl Directory for FakeDirectory {
    async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError> {
        self.called().await?;
        let mut profiles = Profiles::default();
        for id in &query.users {
            let name = id.to_string();
            profiles.add_user(id.clone(), UserProfile { name, image: None });
        }
        for id in &query.agents {
            let business_name = id.to_string();
            let logo = None;
            profiles.add_agent(id.clone(), AgentProfile { business_name, logo });
        }
        for id in &query.bookings {
            let number = id.to_string();
            let title = format!("tour of {id}");
            profiles.add_booking(id.clone(), BookingProfile { number, title });
        }
        Ok(profiles)
    }

    async fn agent_user(&self, agent_id: &AgentId) -> Result<Option<UserId>, HostError> {
        self.called().await?;
        let number = agent_id.as_str().strip_prefix("agency-").and_then(number);
        Ok(number.map(|n| user_id(format!("agent-{n}"))))
    }

    async fn booking_parties(&self, booking_id: &BookingId) -> Result<Option<BookingParties>, HostError> {
        self.called().await?;
        let numbers = booking_id.as_str().strip_prefix("booking-");
        let numbers = numbers.and_then(|numbers| numbers.split_once('-'));
        let numbers = numbers.and_then(|(client, agency)| Some((number(client)?, number(agency)?)));
        Ok(numbers.map(|(client, agency)| BookingParties {
            client_id: client_id(client),
            agent_id: agency_id(agency),
        }))
    }

    async fn contacts(&self, users: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError> {
        self.called().await?;
        let set = self.contacts_set();
        let contact = |user: &UserId| {
            let usual = || Contact::at(format!("{user}@example.com"));
            (user.clone(), set.get(user).cloned().unwrap_or_else(usual))
        };
        Ok(users.iter().map(contact).collect())
    }
}

/// Parses a positive number in canonical form.
fn number(text: &str) -> Option<u64> {
    let number = text.parse().ok().filter(|n| *n > 0)?;
    (u64::to_string(&number) == text).then_some(number)
}
