//! The profiles that a conversation, report or message needs, and the name of a side's counterpart.

use crate::{
    domain::{
        conversation::{Conversation, ConversationSummary},
        message::Message,
        report::Report,
        side::Side,
    },
    host::directory::{ProfileQuery, Profiles},
};

impl Conversation {
    /// The name that a side sees for the other side: the business, or the client.
    pub(crate) fn shown_to(&self, side: Side, profiles: &Profiles) -> String {
        match side {
            Side::Client => profiles.agent(&self.agent_id).business_name,
            Side::Agent => profiles.user(&self.client_id).name,
        }
    }
}

impl ProfileQuery {
    pub(crate) fn with_summary(mut self, summary: &ConversationSummary) -> Self {
        self.users.insert(summary.conversation.client_id.clone());
        self.agents.insert(summary.conversation.agent_id.clone());
        self.bookings.extend(summary.booking_id.clone());
        self
    }

    pub(crate) fn with_report(mut self, report: &Report) -> Self {
        self.users
            .extend([report.reporter_id.clone(), report.reported_id.clone()]);
        self.users
            .extend(report.resolution.as_ref().map(|resolution| resolution.by.clone()));
        self
    }

    pub(crate) fn with_sender(mut self, message: &Message) -> Self {
        self.users.extend(message.origin.sender().cloned());
        self
    }
}
