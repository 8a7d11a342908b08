//! Names and pictures: decoration, that never fails anything.

use std::time::Duration;

use crate::{
    clock::{self, Clock},
    domain::{
        conversation::{Conversation, ConversationSummary},
        message::Message,
        report::Report,
        side::Side,
    },
    host::directory::{Directory, ProfileQuery, Profiles},
    telemetry::{self, HostPart},
};

/// Asks the directory once, for at most `limit`. What it does not say is blank, and logged.
pub(crate) async fn profiles_or_blank(
    directory: &dyn Directory,
    clock: &dyn Clock,
    limit: Duration,
    query: &ProfileQuery,
) -> Profiles {
    if query.is_empty() {
        return Profiles::default();
    }
    match clock::timeout(clock, limit, directory.profiles(query)).await {
        Ok(Ok(profiles)) => profiles,
        Ok(Err(error)) => {
            telemetry::host_failed(HostPart::Directory);
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the directory failed: names are blank");
            Profiles::default()
        }
        Err(elapsed) => {
            telemetry::host_failed(HostPart::Directory);
            let error: &dyn std::error::Error = &elapsed;
            tracing::warn!(error, "the directory took too long: names are blank");
            Profiles::default()
        }
    }
}

impl Conversation {
    /// The name of who is on the other side, as shown to this one: the business, or the client.
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
