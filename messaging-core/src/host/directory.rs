//! The directory: the host's data about users, agents and bookings.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use serde::Serialize;

use super::HostError;
use crate::id::{AgentId, BookingId, UserId};

/// The host's data about users, agents and bookings.
///
/// Names and pictures are decoration: if the directory does not know them, or does not answer in time, they are blank,
/// and no read, send or event fails. The user who answers for an agent and the parties of a booking are facts: without
/// an answer, opening fails and changes nothing. The contact of a user is a fact too: without an answer, no e-mail is
/// sent until there is one.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The profiles of everything in the query. Called once per page; unknown ids are left out.
    async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError>;

    /// The user who answers for an agent; `None` for an agent that does not exist.
    async fn agent_user(&self, agent_id: &AgentId) -> Result<Option<UserId>, HostError>;

    /// The parties of a booking; `None` for a booking that does not exist.
    async fn booking_parties(&self, booking_id: &BookingId) -> Result<Option<BookingParties>, HostError>;

    /// The contacts of these users. A user who is missing from the answer gets neither e-mail nor push notifications.
    /// Called only if a mailer or a push service is configured.
    async fn contacts(&self, users: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError>;
}

/// How a user is reached when away.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contact {
    /// The e-mail address alone (`ada@example.com`); `None` without an address.
    pub email: Option<String>,
    /// Whether the user wants e-mail about unread messages.
    pub wants_email: bool,
    /// Whether the user wants push notifications.
    pub wants_push: bool,
    /// The user's language as a BCP 47 tag (`de-CH`); `None` for the language of the templates.
    pub language: Option<String>,
    /// The user's time zone as an IANA name (`Europe/Zurich`); `None` for UTC.
    pub time_zone: Option<String>,
}

impl Default for Contact {
    /// A user without an address who wants e-mail and push notifications.
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
    /// A user who wants e-mail at that address, and push notifications.
    pub fn at(email: impl Into<String>) -> Self {
        Self {
            email: Some(email.into()),
            ..Self::default()
        }
    }

    /// Sets whether the user wants e-mail.
    pub fn wanting_email(self, wants_email: bool) -> Self {
        Self { wants_email, ..self }
    }

    /// Sets whether the user wants push notifications.
    pub fn wanting_push(self, wants_push: bool) -> Self {
        Self { wants_push, ..self }
    }

    /// Sets the language.
    pub fn with_language(self, language: impl Into<String>) -> Self {
        Self {
            language: Some(language.into()),
            ..self
        }
    }

    /// Sets the time zone.
    pub fn with_time_zone(self, time_zone: impl Into<String>) -> Self {
        Self {
            time_zone: Some(time_zone.into()),
            ..self
        }
    }

    /// The address for digest e-mails; `None` without an address, or if the user wants no e-mail.
    pub fn mailable(&self) -> Option<&str> {
        self.email
            .as_deref()
            .filter(|email| self.wants_email && !email.is_empty())
    }
}

/// The parties of a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingParties {
    /// The client who booked.
    pub client_id: UserId,
    /// The agent who was booked.
    pub agent_id: AgentId,
}

/// The users, agents and bookings whose profiles are needed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileQuery {
    /// The users.
    pub users: BTreeSet<UserId>,
    /// The agents.
    pub agents: BTreeSet<AgentId>,
    /// The bookings.
    pub bookings: BTreeSet<BookingId>,
}

impl ProfileQuery {
    /// Whether the query is empty.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.agents.is_empty() && self.bookings.is_empty()
    }

    /// The user ids, as a database takes them.
    pub fn user_ids(&self) -> Vec<&str> {
        self.users.iter().map(UserId::as_str).collect()
    }

    /// The agent ids, as a database takes them.
    pub fn agent_ids(&self) -> Vec<&str> {
        self.agents.iter().map(AgentId::as_str).collect()
    }

    /// The booking ids, as a database takes them.
    pub fn booking_ids(&self) -> Vec<&str> {
        self.bookings.iter().map(BookingId::as_str).collect()
    }
}

/// The profiles found.
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

    /// Whether no profile was found.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.agents.is_empty() && self.bookings.is_empty()
    }

    /// Adds all profiles of `other`.
    pub fn merge(&mut self, other: Self) {
        self.users.extend(other.users);
        self.agents.extend(other.agents);
        self.bookings.extend(other.bookings);
    }

    /// A user's profile; blank if unknown.
    pub fn user(&self, id: &UserId) -> UserProfile {
        self.users.get(id).cloned().unwrap_or_default()
    }

    /// An agent's profile; blank if unknown.
    pub fn agent(&self, id: &AgentId) -> AgentProfile {
        self.agents.get(id).cloned().unwrap_or_default()
    }

    /// A booking's profile; blank if unknown.
    pub fn booking(&self, id: &BookingId) -> BookingProfile {
        self.bookings.get(id).cloned().unwrap_or_default()
    }
}

/// The profile of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct UserProfile {
    /// The name.
    pub name: String,
    /// The URL of the picture.
    pub image: Option<String>,
}

impl UserProfile {
    /// A profile without a picture.
    pub fn named(name: impl Into<String>) -> Self {
        let (name, image) = (name.into(), None);
        Self { name, image }
    }
}

/// The profile of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentProfile {
    /// The name of the business.
    pub business_name: String,
    /// The URL of the logo.
    pub logo: Option<String>,
}

impl AgentProfile {
    /// A profile without a logo.
    pub fn named(business_name: impl Into<String>) -> Self {
        let (business_name, logo) = (business_name.into(), None);
        Self { business_name, logo }
    }
}

/// The profile of a booking.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BookingProfile {
    /// The booking number, as people know it.
    pub number: String,
    /// The title of the booked item.
    pub title: String,
}
