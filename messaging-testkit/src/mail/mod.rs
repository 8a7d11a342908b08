//! Simulated days in which users send, read and go offline while workers mail them and die.

mod deferrals;
mod ledger;
mod mail_server;
mod policy;
mod process;
mod step;

use std::sync::Arc;

use messaging_core::{
    clock::{Clock as _, ManualClock},
    domain::side::{Recipients, Side},
    host::HostErrorKind,
    host::directory::Contact,
    id::ConversationId,
    store::{Append, Appended, MarkRead, Publisher, Store},
};
use proptest::{
    prop_assert,
    test_runner::{Config, TestCaseError, TestCaseResult, TestRunner},
};

use crate::{
    Backend,
    fake::FakeDirectory,
    limit::in_time,
    make::{body, conversation_id, message as message_from, message_id, plan, system_message},
    recount::recount,
};
use ledger::{Ledger, user_of};
use mail_server::MailServer;
use policy::{POLICY, TICK};
use process::Process;
use step::{ServerState, Step};

/// Runs random days on fresh stores. Users write, read, come online and change their preferences; the mail
/// server refuses, is down or loses its answers; two workers send e-mail, die at any call and are restarted.
/// Every e-mail is checked against the record of events: no message is mailed twice or after it was read, no
/// user is mailed too early, too often or too late, and all messages to mail are in one e-mail.
/// `PROPTEST_CASES`, divided by 16, sets the number of runs.
///
/// # Panics
/// If an e-mail is wrong or missing; shows the shortest failing run.
pub fn simulate_digests(backend: &dyn Backend) {
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let cases = (config.cases / 16).max(1);
    let run = |steps: &[Step]| {
        let mut outcome = Ok(());
        backend.run(Box::pin(async {
            outcome = in_time("a run of days", live(backend, steps)).await;
        }));
        outcome
    };
    for steps in step::known_days() {
        if let Err(error) = run(&steps) {
            panic!("the e-mails of a known run are wrong: {error}\n{steps:#?}");
        }
    }
    let outcome = TestRunner::new(Config { cases, ..config }).run(&step::days(), |steps| run(&steps));
    if let Err(error) = outcome {
        panic!("the e-mails of a run are wrong: {error}");
    }
}

async fn live(backend: &dyn Backend, steps: &[Step]) -> TestCaseResult {
    let fresh = backend.fresh().await;
    let mut days = Days::begin(fresh.store.clone()).await?;
    for step in steps {
        days.apply(step).await?;
    }
    days.finish().await?;
    let recounted = recount(&*fresh.store).await?;
    prop_assert!(
        recounted.discrepancies().is_empty(),
        "{:#?}",
        recounted.discrepancies()
    );
    Ok(())
}

struct Days {
    store: Arc<dyn Store>,
    clock: ManualClock,
    directory: FakeDirectory,
    server: MailServer,
    ledger: Ledger,
    processes: [Process; 2],
}

impl Days {
    async fn begin(store: Arc<dyn Store>) -> Result<Self, TestCaseError> {
        let (clock, directory) = (ManualClock::new(), FakeDirectory::new());
        let ledger = Ledger::new(clock.clone());
        let server = MailServer::new(ledger.clone());
        for (client, agency) in step::PAIRS {
            let mut plan = plan(client, agency);
            plan.now = clock.now();
            store.open(&plan, Publisher::Anyone).await?;
        }
        let start = || Process::start(&store, &directory, &server, &clock);
        let processes = [start(), start()];
        Ok(Self {
            store,
            clock,
            directory,
            server,
            ledger,
            processes,
        })
    }

    async fn apply(&mut self, step: &Step) -> TestCaseResult {
        match step {
            Step::Pass(ticks) => {
                for _ in 0..*ticks {
                    self.tick().await?;
                }
            }
            Step::Send { pair, from } => self.send(*pair, *from).await?,
            Step::Read { pair, side, upto } => self.read(*pair, *side, *upto).await?,
            Step::Presence { user, online } => self.ledger.set_online(&step::user(*user), *online),
            Step::Wish { user, wants } => {
                let user_id = step::user(*user);
                let contact = Contact::at("them@example.com");
                self.directory
                    .set_contact(user_id.clone(), contact.wanting_email(*wants));
                self.ledger.set_wish(&user_id, *wants);
            }
            Step::ServerState(state) => {
                self.server.set(*state);
                self.ledger.obstruct();
            }
            Step::Directory(is_up) => {
                if *is_up {
                    self.directory.answer();
                } else {
                    self.directory.fail(HostErrorKind::Temporary);
                }
                self.ledger.set_directory(*is_up);
            }
            Step::Die { process, call } => self.processes[*process].die_at(u64::from(*call)),
            Step::Restart(process) => self.restart(*process),
        }
        Ok(())
    }

    /// Advances the clock by five minutes and runs both workers concurrently.
    async fn tick(&mut self) -> TestCaseResult {
        self.clock.advance(TICK);
        let [first, second] = &self.processes;
        let lived = futures_util::future::join(first.step(), second.step()).await;
        for (process, lived) in [lived.0, lived.1].into_iter().enumerate() {
            if !lived? {
                self.ledger.died();
                self.restart(process);
            }
        }
        let mut conversations = Vec::new();
        for (client, agency) in step::PAIRS {
            let found = self.store.find_conversation(id(client, agency).into()).await?;
            conversations.extend(found);
        }
        self.ledger.check(&conversations, self.server.state())
    }

    /// Removes all faults, and checks that every due user is mailed.
    async fn finish(&mut self) -> TestCaseResult {
        self.server.set(ServerState::Accepts);
        self.ledger.obstruct();
        self.apply(&Step::Directory(true)).await?;
        for user in 0..4 {
            self.apply(&Step::Wish { user, wants: true }).await?;
            self.apply(&Step::Presence {
                user,
                online: Some(false),
            })
            .await?;
        }
        for process in 0..2 {
            self.restart(process);
        }
        self.apply(&Step::Pass(16)).await
    }

    fn restart(&mut self, process: usize) {
        self.processes[process] = Process::start(&self.store, &self.directory, &self.server, &self.clock);
    }

    async fn send(&self, pair: usize, from: Option<Side>) -> TestCaseResult {
        let (client, agency) = step::PAIRS[pair];
        let found = self.store.find_conversation(id(client, agency).into()).await?;
        let conversation = found.ok_or_else(|| TestCaseError::fail("the conversation does not exist"))?;
        let n = self.ledger.next();
        let mut message = match from {
            Some(side) => message_from(n, side, conversation.user(side)),
            None => system_message(n, Recipients::Both),
        };
        let now = self.clock.now();
        message.id = message_id(u64::from(n));
        message.body = body(format!("m{n}"));
        message.now = now;
        message.digest_at = Some(now + POLICY().delay);
        let step = Append::new(
            conversation.id,
            conversation.access_version,
            message,
            Publisher::Anyone,
        );
        match self.store.append(&step).await? {
            Appended::Stored(stored) => self.ledger.sent(&stored.message, &conversation),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
        Ok(())
    }

    async fn read(&self, pair: usize, side: Side, upto: u8) -> TestCaseResult {
        let (client, agency) = step::PAIRS[pair];
        let Some(found) = self.store.find_conversation(id(client, agency).into()).await? else {
            return Err(TestCaseError::fail("the conversation does not exist"));
        };
        let Some(message) = self.ledger.nth_of(found.id, upto) else {
            return Ok(());
        };
        let step = MarkRead::new(
            found.id,
            found.access_version,
            side,
            message.id,
            self.clock.now(),
            Publisher::Anyone,
        );
        self.store.mark_read(&step).await?;
        self.ledger.read(user_of(&found, side), found.id, message.seq);
        Ok(())
    }
}

fn id(client: u64, agency: u64) -> ConversationId {
    conversation_id(1_000 * client + agency)
}
