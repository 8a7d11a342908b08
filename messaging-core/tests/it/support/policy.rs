//! A host's policy with scripted answers.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use messaging_core::{
    Actor,
    host::{
        HostError,
        access::{AccessPolicy, ParticipantAction, Participants, Ruling},
    },
};

/// The sentence of every refusal.
pub(crate) const REFUSAL: &str = "Please call us first.";

/// The answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Allow,
    Refuse,
    /// An error.
    Fail,
    /// The question stays pending.
    Hang,
    /// One ruling too few; for questions about several conversations only.
    Short,
}

type Rule = Box<dyn FnMut(ParticipantAction, &Participants) -> Answer + Send>;

/// Allows everything unless scripted otherwise, and records its questions. Clones share the script and the
/// record.
#[derive(Clone)]
pub(crate) struct ScriptedPolicy(Arc<Mutex<Script>>);

struct Script {
    rule: Rule,
    checks: Vec<(ParticipantAction, Participants)>,
    /// The questions about several conversations.
    pages: Vec<Vec<Participants>>,
}

impl ScriptedPolicy {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Script {
            rule: Box::new(|_, _| Answer::Allow),
            checks: Vec::new(),
            pages: Vec::new(),
        })))
    }

    /// Sets the script. A question about several conversations is answered one by one, up to the first answer
    /// without a ruling.
    pub(crate) fn answer(
        &self,
        rule: impl FnMut(ParticipantAction, &Participants) -> Answer + Send + 'static,
    ) {
        self.lock().rule = Box::new(rule);
    }

    /// Returns the questions about single actions since the last call.
    pub(crate) fn checks(&self) -> Vec<(ParticipantAction, Participants)> {
        std::mem::take(&mut self.lock().checks)
    }

    /// Returns the questions about several conversations since the last call.
    pub(crate) fn pages(&self) -> Vec<Vec<Participants>> {
        std::mem::take(&mut self.lock().pages)
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

#[async_trait]
impl AccessPolicy for ScriptedPolicy {
    async fn check(
        &self,
        _: &Actor,
        action: ParticipantAction,
        on: &Participants,
    ) -> Result<Ruling, HostError> {
        let answer = {
            let mut script = self.lock();
            script.checks.push((action, on.clone()));
            (script.rule)(action, on)
        };
        Ok(ruling(answer).await?.remove(0))
    }

    async fn check_send_many(&self, _: &Actor, on: &[Participants]) -> Result<Vec<Ruling>, HostError> {
        let answers: Vec<_> = {
            let mut script = self.lock();
            script.pages.push(on.to_vec());
            let rule = &mut script.rule;
            on.iter().map(|one| rule(ParticipantAction::Send, one)).collect()
        };
        let mut rulings = Vec::new();
        for answer in answers {
            rulings.extend(ruling(answer).await?);
        }
        Ok(rulings)
    }
}

/// Returns one ruling or none.
async fn ruling(answer: Answer) -> Result<Vec<Ruling>, HostError> {
    match answer {
        Answer::Allow => Ok(vec![Ruling::Allow]),
        Answer::Refuse => Ok(vec![Ruling::refuse(REFUSAL)]),
        Answer::Fail => Err(HostError::temporary("the host's database is down")),
        Answer::Hang => std::future::pending().await,
        Answer::Short => Ok(Vec::new()),
    }
}
