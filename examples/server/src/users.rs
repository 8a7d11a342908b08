//! The demo users, agencies and bookings, which exist for every number without registration.

use messaging_core::{Actor, AgentId, BookingId, Role, UserId, host::directory::Contact};

use crate::names;

/// A user: `client-N`, `agent-N` or `admin-N`, for every N from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DemoUser {
    Client(u32),
    /// Represents the agency with the same number.
    Agent(u32),
    Admin(u32),
}

/// An agency: `agency-N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DemoAgency(pub(crate) u32);

/// A tour: `tour-N`, offered by the agency with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DemoTour(pub(crate) u32);

/// A booking: `booking-C-A` is a booking of `client-C` with `agency-A`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DemoBooking {
    pub(crate) client: u32,
    pub(crate) agency: u32,
}

impl DemoUser {
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let (kind, number) = id.split_once('-')?;
        let number = parse_number(number)?;
        match kind {
            "client" => Some(Self::Client(number)),
            "agent" => Some(Self::Agent(number)),
            "admin" => Some(Self::Admin(number)),
            _ => None,
        }
    }

    pub(crate) fn id(self) -> UserId {
        match self {
            Self::Client(n) => known(UserId::parse(format!("client-{n}"))),
            Self::Agent(n) => known(UserId::parse(format!("agent-{n}"))),
            Self::Admin(n) => known(UserId::parse(format!("admin-{n}"))),
        }
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Client(n) => names::person(n),
            Self::Agent(n) => names::person(n.wrapping_add(400)),
            Self::Admin(n) => names::person(n.wrapping_add(800)),
        }
    }

    pub(crate) fn image(self) -> String {
        image_of(self.id().as_str())
    }

    /// The e-mail contact.
    pub(crate) fn contact(self) -> Contact {
        Contact::at(format!("{}@example.com", self.id())).with_time_zone("Europe/Zurich")
    }

    /// The actor of this user.
    pub(crate) fn actor(self) -> Actor {
        let role = match self {
            Self::Client(_) => Role::Client,
            Self::Agent(n) => Role::Agent {
                agent_id: DemoAgency(n).id(),
            },
            Self::Admin(_) => Role::Admin,
        };
        Actor::new(self.id(), role)
    }
}

impl DemoAgency {
    pub(crate) fn parse(id: &str) -> Option<Self> {
        parse_number(id.strip_prefix("agency-")?).map(Self)
    }

    pub(crate) fn id(self) -> AgentId {
        known(AgentId::parse(format!("agency-{}", self.0)))
    }

    pub(crate) fn name(self) -> String {
        names::agency(self.0)
    }

    pub(crate) fn image(self) -> String {
        image_of(self.id().as_str())
    }

    /// The user who represents the agency.
    pub(crate) fn user(self) -> DemoUser {
        DemoUser::Agent(self.0)
    }
}

impl DemoBooking {
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let (client, agency) = id.strip_prefix("booking-")?.split_once('-')?;
        Some(Self {
            client: parse_number(client)?,
            agency: parse_number(agency)?,
        })
    }

    pub(crate) fn id(self) -> BookingId {
        known(BookingId::parse(format!(
            "booking-{}-{}",
            self.client, self.agency
        )))
    }

    /// The booking number for people.
    pub(crate) fn number(self) -> String {
        format!("BK-{:03}-{:03}", self.agency, self.client)
    }

    pub(crate) fn tour_title(self) -> &'static str {
        names::tour(self.agency).title
    }
}

impl DemoTour {
    pub(crate) fn parse(id: &str) -> Option<Self> {
        parse_number(id.strip_prefix("tour-")?).map(Self)
    }

    pub(crate) fn id(self) -> String {
        format!("tour-{}", self.0)
    }

    /// The agency that offers the tour.
    pub(crate) fn agency(self) -> DemoAgency {
        DemoAgency(self.0)
    }

    pub(crate) fn offer(self) -> names::Tour {
        names::tour(self.0)
    }

    pub(crate) fn image(self) -> String {
        image_of(&self.id())
    }
}

/// Parses a number from 1 in its canonical form.
fn parse_number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number > 0 && number.to_string() == text).then_some(number)
}

fn image_of(id: &str) -> String {
    format!("/demo/images/{id}.svg")
}

fn known<T, E: std::fmt::Debug>(id: Result<T, E>) -> T {
    id.expect("a prefix and a number are a valid id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_has_exactly_one_id() {
        for user in [
            DemoUser::Client(1),
            DemoUser::Agent(22),
            DemoUser::Admin(u32::MAX),
        ] {
            assert_eq!(DemoUser::parse(user.id().as_str()), Some(user));
            assert!(!user.name().is_empty());
        }
        for unknown in [
            "",
            "client",
            "client-",
            "client-0",
            "client-01",
            "client-+1",
            "Client-1",
            "client-1 ",
            "root-1",
        ] {
            assert_eq!(DemoUser::parse(unknown), None, "{unknown:?}");
        }
        assert_eq!(DemoUser::parse("client-4294967296"), None);
    }

    #[test]
    fn an_agent_represents_the_agency_with_the_same_number() {
        let agency = DemoAgency::parse("agency-7").unwrap();
        let role = Role::Agent {
            agent_id: agency.id(),
        };
        assert_eq!(
            agency.user().actor(),
            Actor::new(UserId::parse("agent-7").unwrap(), role)
        );
    }

    #[test]
    fn a_booking_names_its_client_and_its_agency() {
        let booking = DemoBooking::parse("booking-3-14").unwrap();
        assert_eq!((booking.client, booking.agency), (3, 14));
        assert_eq!(booking.id().as_str(), "booking-3-14");
        for unknown in ["booking-3", "booking-0-1", "booking-1-1-1", "booking-a-b"] {
            assert_eq!(DemoBooking::parse(unknown), None, "{unknown:?}");
        }
    }
}
