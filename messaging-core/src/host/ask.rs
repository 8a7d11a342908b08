//! Questions to the host: each is asked once, with a time limit.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{
    HostError,
    directory::{Contact, Directory, ProfileQuery, Profiles},
    presence::Presence,
    rate_limit::{Admission, Limited, RateLimiter},
};
use crate::{
    clock::{self, Clock},
    id::UserId,
    telemetry::{self, HostPart},
};

/// The parts of the host, and the time limit of a question to each of them.
pub(crate) struct Host {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) presence: Option<Arc<dyn Presence>>,
    pub(crate) rate_limiter: Arc<dyn RateLimiter>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timeout: Duration,
}

impl Host {
    /// Asks once, and returns `None` on a failure or a time-out, which is counted and logged as `warning`.
    async fn ask<T>(
        &self,
        part: HostPart,
        question: impl Future<Output = Result<T, HostError>> + Send,
        warning: &'static str,
    ) -> Option<T> {
        let answer = self.require(part, question).await;
        let log = |error: &HostError| {
            let error: &dyn std::error::Error = error;
            tracing::warn!(error, "{warning}");
        };
        answer.inspect_err(log).ok()
    }

    /// Asks once, for a caller that needs the answer.
    ///
    /// # Errors
    /// The host's error, or a [temporary](super::HostErrorKind::Temporary) one after a time-out. It is counted here,
    /// and logged by the caller.
    pub(crate) async fn require<T>(
        &self,
        part: HostPart,
        question: impl Future<Output = Result<T, HostError>> + Send,
    ) -> Result<T, HostError> {
        let answer = clock::timeout(&*self.clock, self.timeout, question).await;
        let answer = answer.unwrap_or_else(|elapsed| Err(HostError::temporary(elapsed)));
        answer.inspect_err(|_| telemetry::host_failed(part))
    }

    /// The profiles of everything in the query; blank without an answer. An empty query is not asked.
    pub(crate) async fn profiles(&self, query: &ProfileQuery) -> Profiles {
        if query.is_empty() {
            return Profiles::default();
        }
        let question = self.directory.profiles(query);
        let warning = "directory lookup of profiles failed; names are blank until a later lookup succeeds";
        let profiles = self.ask(HostPart::Directory, question, warning).await;
        profiles.unwrap_or_default()
    }

    /// The users' contacts; `None` without an answer.
    pub(crate) async fn contacts(&self, users: &[UserId]) -> Option<HashMap<UserId, Contact>> {
        let question = self.directory.contacts(users);
        let warning = "directory lookup of contacts failed; skipping push and postponing e-mail for this batch of users";
        self.ask(HostPart::Directory, question, warning).await
    }

    /// Whether each user is online. Users of unknown presence are missing; without an answer, all of them are.
    pub(crate) async fn online(&self, users: &[UserId]) -> HashMap<UserId, bool> {
        let Some(presence) = &self.presence else {
            return HashMap::new();
        };
        let warning =
            "presence lookup failed; treating these users as neither online nor offline until a later lookup";
        let online = self.ask(HostPart::Presence, presence.online(users), warning);
        online.await.unwrap_or_default()
    }

    /// Counts an action of a user against its rate limit; `None` without an answer, which admits it uncounted.
    pub(crate) async fn admit(&self, user_id: &UserId, what: Limited) -> Option<Admission> {
        let question = self.rate_limiter.admit(user_id, what, self.clock.now());
        let warning =
            "rate limiter failed; admitting this request without a limit, and asking again for the next";
        self.ask(HostPart::RateLimiter, question, warning).await
    }

    /// Takes back what a user was admitted for.
    pub(crate) async fn give_back(&self, user_id: &UserId, what: Limited) {
        let question = self.rate_limiter.give_back(user_id, what, self.clock.now());
        let warning = "rate limiter failed to give back a repeated call; it counts towards the user's limit";
        self.ask(HostPart::RateLimiter, question, warning).await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt as _;

    use super::*;
    use crate::{
        clock::ManualClock,
        host::{HostErrorKind, directory::BookingParties, rate_limit::Unlimited},
        id::{AgentId, BookingId},
    };

    const LIMIT: Duration = Duration::from_secs(1);

    struct Empty;

    #[async_trait::async_trait]
    impl Directory for Empty {
        async fn profiles(&self, _: &ProfileQuery) -> Result<Profiles, HostError> {
            Ok(Profiles::default())
        }

        async fn agent_user(&self, _: &AgentId) -> Result<Option<UserId>, HostError> {
            Ok(None)
        }

        async fn booking_parties(&self, _: &BookingId) -> Result<Option<BookingParties>, HostError> {
            Ok(None)
        }

        async fn contacts(&self, _: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError> {
            Ok(HashMap::new())
        }
    }

    fn host(clock: &ManualClock) -> Host {
        Host {
            directory: Arc::new(Empty),
            presence: None,
            rate_limiter: Arc::new(Unlimited),
            clock: Arc::new(clock.clone()),
            timeout: LIMIT,
        }
    }

    #[test]
    fn an_answer_in_time_is_returned() {
        let host = host(&ManualClock::new());
        let asked = host.ask(HostPart::Directory, ready(Ok(1)), "failed; carrying on");
        assert_eq!(asked.now_or_never(), Some(Some(1)));
    }

    #[test]
    fn a_failure_is_none_when_asked_and_the_hosts_error_when_required() {
        let host = host(&ManualClock::new());
        let failed = || ready(Err::<(), _>(HostError::permanent("broken")));
        let asked = host.ask(HostPart::Directory, failed(), "failed; carrying on");
        assert_eq!(asked.now_or_never(), Some(None));
        let required = host.require(HostPart::Directory, failed()).now_or_never();
        let kind = required.unwrap().unwrap_err().kind();
        assert_eq!(kind, HostErrorKind::Permanent);
    }

    #[test]
    fn an_unanswered_question_fails_temporarily_at_the_time_limit() {
        let clock = ManualClock::new();
        let host = host(&clock);
        let required = host.require(HostPart::Presence, pending::<Result<(), _>>());
        let mut required = Box::pin(required);
        assert!(required.as_mut().now_or_never().is_none());
        clock.advance(Duration::from_millis(999));
        assert!(required.as_mut().now_or_never().is_none());
        clock.advance(Duration::from_millis(1));
        let ended = required.now_or_never().unwrap();
        assert_eq!(ended.unwrap_err().kind(), HostErrorKind::Temporary);
    }
}
