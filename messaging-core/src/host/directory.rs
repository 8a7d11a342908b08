//! The directory: what the host knows about its people, agents and bookings.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use serde::Serialize;

use super::HostError;
use crate::id::{AgentId, BookingId, UserId};

/// What the host knows.
///
/// Names and pictures are decoration: what the directory does not know, or does not say in time, is shown
/// blank and never fails a read, a send or an event. Who answers for an agent and whom a booking belongs to
/// are facts: where they cannot be had, opening fails and changes nothing. How a user is reached when they are
/// away is a fact too: where it cannot be had, nothing is mailed until it can.
#[async_trait]
pub trait Directory: Send + Sync {
    /// How everything in the query is shown. One call for a whole page; whatever is unknown is left out.
    async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError>;

    /// The user who answers for an agent; `None` for an agent that does not exist.
    async fn agent_user(&self, agent_id: &AgentId) -> Result<Option<UserId>, HostError>;

    /// Whom a booking belongs to; `None` for a booking that does not exist.
    async fn booking_parties(&self, booking_id: &BookingId) -> Result<Option<BookingParties>, HostError>;

    /// How these users want to be reached when they are away. A user who is missing from the answer gets neither e-mail
    /// nor notifications. Asked only where a mailer or a push service is configured.
    async fn contacts(&self, users: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError>;
}

/// How a user wants to be reached when they are away.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contact {
    /// Where e-mail goes, as an address alone (`ada@example.com`); `None` without an address.
    pub email: Option<String>,
    /// Whether they want e-mail about unread messages.
    pub wants_email: bool,
    /// Whether they want notifications on their devices.
    pub wants_push: bool,
    /// The language that they read, as a BCP 47 tag (`de-CH`); `None`: as the templates have it.
    pub language: Option<String>,
    /// Where they are, as a name of the IANA database (`Europe/Zurich`); `None`: UTC.
    pub time_zone: Option<String>,
}

impl Default for Contact {
    /// A user without an address who wants e-mail and notifications.
    fn default() -> Self {
        Self {
            email: None,
            wants_email: true,
            wants_push: true,
            language: None,
            time_zone: None,
        }
    }
}

impl Contact {
    /// A user who wants e-mail at that address, and notifications.
    pub fn at(email: impl Into<String>) -> Self {
        Self {
            email: Some(email.into()),
            ..Self::default()
        }
    }

    /// The same, with another wish for e-mail.
    pub fn wanting_email(self, wants_email: bool) -> Self {
        Self { wants_email, ..self }
    }

    /// The same, with another wish for notifications.
    pub fn wanting_push(self, wants_push: bool) -> Self {
        Self { wants_push, ..self }
    }

    /// The same, with a language.
    pub fn with_language(self, language: impl Into<String>) -> Self {
        Self {
            language: Some(language.into()),
            ..self
        }
    }

    /// The same, with a time zone.
    pub fn with_time_zone(self, time_zone: impl Into<String>) -> Self {
        Self {
            time_zone: Some(time_zone.into()),
            ..self
        }
    }

    /// The address to which e-mail about unread messages goes, if any.
    pub fn mailable(&self) -> Option<&str> {
        self.email
            .as_deref()
            .filter(|email| self.wants_email && !email.is_empty())
    }
}

/// Whom a booking belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingParties {
    /// The client who booked.
    pub client_id: UserId,
    /// The agent who was booked.
    pub agent_id: AgentId,
}

/// Whose profiles are wanted; each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileQuery {
    /// Of these users.
    pub users: BTreeSet<UserId>,
    /// Of these agents.
    pub agents: BTreeSet<AgentId>,
    /// Of these bookings.
    pub bookings: BTreeSet<BookingId>,
}

impl ProfileQuery {
    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.agents.is_empty() && self.bookings.is_empty()
    }

    /// The users as a database takes them.
    pub fn user_ids(&self) -> Vec<&str> {
        self.users.iter().map(UserId::as_str).collect()
    }

    /// The agents as a database takes them.
    pub fn agent_ids(&self) -> Vec<&str> {
        self.agents.iter().map(AgentId::as_str).collect()
    }

    /// The bookings as a database takes them.
    pub fn booking_ids(&self) -> Vec<&str> {
        self.bookings.iter().map(BookingId::as_str).collect()
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profiles {
    users: BTreeMap<UserId, UserProfile>,
    agents: BTreeMap<AgentId, AgentProfile>,
    bookings: BTreeMap<BookingId, BookingProfile>,
}

impl Profiles {
    /// Adds a user.
    pub fn add_user(&mut self, id: UserId, profile: UserProfile) {
        self.users.insert(id, profile);
    }

    /// Adds an agent.
    pub fn add_agent(&mut self, id: AgentId, profile: AgentProfile) {
        self.agents.insert(id, profile);
    }

    /// Adds a booking.
    pub fn add_booking(&mut self, id: BookingId, profile: BookingProfile) {
        self.bookings.insert(id, profile);
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.agents.is_empty() && self.bookings.is_empty()
    }

    /// Adds everything that `other` holds.
    pub fn merge(&mut self, other: Self) {
        self.users.extend(other.users);
        self.agents.extend(other.agents);
        self.bookings.extend(other.bookings);
    }

    /// A user's profile, blank when unknown.
    pub fn user(&self, id: &UserId) -> UserProfile {
        self.users.get(id).cloned().unwrap_or_default()
    }

    /// An agent's profile, blank when unknown.
    pub fn agent(&self, id: &AgentId) -> AgentProfile {
        self.agents.get(id).cloned().unwrap_or_default()
    }

    /// A booking's profile, blank when unknown.
    pub fn booking(&self, id: &BookingId) -> BookingProfile {
        self.bookings.get(id).cloned().unwrap_or_default()
    }
}

/// How a person is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct UserProfile {
    /// Their name.
    pub name: String,
    /// Where their picture is.
    pub image: Option<String>,
}

impl UserProfile {
    /// A user without a picture.
    pub fn named(name: impl Into<String>) -> Self {
        let (name, image) = (name.into(), None);
        Self { name, image }
    }
}

/// How an agent is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentProfile {
    /// The name of the business.
    pub business_name: String,
    /// Where its logo is.
    pub logo: Option<String>,
}

impl AgentProfile {
    /// A business without a logo.
    pub fn named(business_name: impl Into<String>) -> Self {
        let (business_name, logo) = (business_name.into(), None);
        Self { business_name, logo }
    }
}

/// How a booking is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BookingProfile {
    /// The number that people call it by.
    pub number: String,
    /// What was booked.
    pub title: String,
}
