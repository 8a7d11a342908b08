//! The users: `carl` the client, `ada` who answers for `alpine`, and `root` the admin.

use std::collections::HashMap;

use async_trait::async_trait;
use messaging_core::{
    Actor, AgentId, BookingId, Role, UserId,
    host::HostError,
    host::directory::{
        AgentProfile, BookingParties, BookingProfile, Contact, Directory, ProfileQuery, Profiles, UserProfile,
    },
};
use mockall::mock;

mock! {
    pub(crate) Directory {}
    #[async_trait]
    impl Directory for Directory {
        async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError>;
        async fn agent_user(&self, agent_id: &AgentId) -> Result<Option<UserId>, HostError>;
        async fn booking_parties(&self, booking_id: &BookingId) -> Result<Option<BookingParties>, HostError>;
        async fn contacts(&self, users: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError>;
    }
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub(crate) fn agent(id: &str) -> AgentId {
    AgentId::parse(id).unwrap()
}

pub(crate) fn booking(id: &str) -> BookingId {
    BookingId::parse(id).unwrap()
}

pub(crate) fn carl() -> Actor {
    Actor::new(user("carl"), Role::Client)
}

pub(crate) fn ada() -> Actor {
    Actor::new(
        user("ada"),
        Role::Agent {
            agent_id: agent("alpine"),
        },
    )
}

pub(crate) fn stranger() -> Actor {
    Actor::new(user("mallory"), Role::Client)
}

pub(crate) fn root() -> Actor {
    Actor::new(user("root"), Role::Admin)
}

/// Ada answers for `alpine`. Booking `b-carl` is carl's with `alpine`, and `b-other` another client's.
pub(crate) struct People;

#[async_trait]
impl Directory for People {
    async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError> {
        let mut profiles = Profiles::default();
        for id in &query.users {
            let name = id.as_str().to_uppercase();
            profiles.add_user(id.clone(), UserProfile { name, image: None });
        }
        for id in &query.agents {
            let business_name = format!("{id} ltd");
            profiles.add_agent(
                id.clone(),
                AgentProfile {
                    business_name,
                    logo: None,
                },
            );
        }
        for id in &query.bookings {
            let number = format!("no. {id}");
            profiles.add_booking(
                id.clone(),
                BookingProfile {
                    number,
                    title: "Tour".to_owned(),
                },
            );
        }
        Ok(profiles)
    }

    async fn agent_user(&self, agent_id: &AgentId) -> Result<Option<UserId>, HostError> {
        Ok(match agent_id.as_str() {
            "alpine" => Some(user("ada")),
            "baltic" => Some(user("bo")),
            "carls" => Some(user("carl")),
            _ => None,
        })
    }

    async fn booking_parties(&self, booking_id: &BookingId) -> Result<Option<BookingParties>, HostError> {
        let of = |client, a| {
            Some(BookingParties {
                client_id: user(client),
                agent_id: agent(a),
            })
        };
        Ok(match booking_id.as_str() {
            "b-carl" | "b-carl-2" => of("carl", "alpine"),
            "b-other" => of("mallory", "alpine"),
            "b-baltic" => of("carl", "baltic"),
            _ => None,
        })
    }

    async fn contacts(&self, _: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError> {
        Ok(HashMap::new())
    }
}
