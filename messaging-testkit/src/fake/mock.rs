use std::collections::HashMap;

use async_trait::async_trait;
use messaging_core::{
    actor::Actor,
    event::{ChannelName, Event},
    host::HostError,
    host::access::{AccessPolicy, ParticipantAction, Participants, Ruling},
    host::directory::{BookingParties, Contact, Directory, ProfileQuery, Profiles},
    host::presence::Presence,
    id::{AgentId, BookingId, UserId},
    transport::TransportError,
    transport::channels::{ChannelAuth, Channels, Subscription, Webhook, WebhookError},
    transport::realtime::{Limits, Realtime},
};
use mockall::mock;

mock! {
    /// A mock for tests of the queries to a directory.
    #[derive(Debug)]
    pub Directory {}

    #[async_trait]
    impl Directory for Directory {
        async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError>;
        async fn agent_user(&self, agent_id: &AgentId) -> Result<Option<UserId>, HostError>;
        async fn booking_parties(&self, booking_id: &BookingId) -> Result<Option<BookingParties>, HostError>;
        async fn contacts(&self, users: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError>;
    }
}

mock! {
    /// A mock for tests of the calls to a transport.
    #[derive(Debug)]
    pub Realtime {}

    impl Channels for Realtime {
        fn sign(&self, subscription: &Subscription) -> Result<ChannelAuth, TransportError>;
        fn receive_webhook<'a>(&self, webhook: &Webhook<'a>) -> Result<(), WebhookError>;
    }

    #[async_trait]
    impl Realtime for Realtime {
        fn limits(&self) -> Limits;
        async fn publish(&self, batch: &[Event]) -> Result<(), TransportError>;
        async fn revoke(&self, user_id: &UserId, channel: &ChannelName) -> Result<(), TransportError>;
    }
}

mock! {
    /// A mock for tests of the users in a presence query.
    #[derive(Debug)]
    pub Presence {}

    #[async_trait]
    impl Presence for Presence {
        async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError>;
    }
}

mock! {
    /// A mock for tests of the decisions that the host is asked for.
    #[derive(Debug)]
    pub AccessPolicy {}

    #[async_trait]
    impl AccessPolicy for AccessPolicy {
        async fn check(
            &self,
            actor: &Actor,
            action: ParticipantAction,
            on: &Participants,
        ) -> Result<Ruling, HostError>;
        async fn check_send_many(&self, actor: &Actor, on: &[Participants]) -> Result<Vec<Ruling>, HostError>;
    }
}
