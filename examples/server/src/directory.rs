//! The host's directory for the messaging crates.

use std::collections::HashMap;

use async_trait::async_trait;
use messaging_core::{
    AgentId, BookingId, UserId,
    host::HostError,
    host::directory::{
        AgentProfile, BookingParties, BookingProfile, Contact, Directory, ProfileQuery, Profiles, UserProfile,
    },
};

use crate::users::{DemoAgency, DemoBooking, DemoUser};

/// The demo users, agencies and bookings. A real host queries its own tables.
pub(crate) struct DemoDirectory;

#[async_trait]
impl Directory for DemoDirectory {
    async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError> {
        let mut profiles = Profiles::default();
        for id in &query.users {
            if let Some(user) = DemoUser::parse(id.as_str()) {
                let image = Some(user.image());
                profiles.add_user(
                    id.clone(),
                    UserProfile {
                        name: user.name(),
                        image,
                    },
                );
            }
        }
        for id in &query.agents {
            if let Some(agency) = DemoAgency::parse(id.as_str()) {
                let profile = AgentProfile {
                    business_name: agency.name(),
                    logo: Some(agency.image()),
                };
                profiles.add_agent(id.clone(), profile);
            }
        }
        for id in &query.bookings {
            if let Some(booking) = DemoBooking::parse(id.as_str()) {
                let profile = BookingProfile {
                    number: booking.number(),
                    title: booking.tour_title().to_owned(),
                };
                profiles.add_booking(id.clone(), profile);
            }
        }
        Ok(profiles)
    }

    async fn agent_user(&self, agent_id: &AgentId) -> Result<Option<UserId>, HostError> {
        Ok(DemoAgency::parse(agent_id.as_str()).map(|agency| agency.user().id()))
    }

    async fn booking_parties(&self, booking_id: &BookingId) -> Result<Option<BookingParties>, HostError> {
        let booking = DemoBooking::parse(booking_id.as_str());
        Ok(booking.map(|booking| BookingParties {
            client_id: DemoUser::Client(booking.client).id(),
            agent_id: DemoAgency(booking.agency).id(),
        }))
    }

    async fn contacts(&self, users: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError> {
        let contact = |id: &UserId| Some((id.clone(), DemoUser::parse(id.as_str())?.contact()));
        Ok(users.iter().filter_map(contact).collect())
    }
}
