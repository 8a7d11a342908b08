//! `messaging-server outbox`: events that the realtime server refused for good.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Subcommand;
use messaging_core::{
    ConversationId, Messaging,
    store::{DeadLetter, DeadLetterPosition},
};

use crate::{config::Switch, storage::Storage};

/// What to do with dead letters.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum OutboxCommand {
    /// Lists them, the oldest first: when, of which conversation, under which number, and why.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Puts them back among the events to publish. Servers that run publish them, also those that are started
    /// later. Says how many it was, and ends with status 3 when the named event is no dead letter, or not any
    /// more. May be run again when it failed: what it has done is not done twice.
    Requeue(RequeueArgs),
}

/// Which of them.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct RequeueArgs {
    /// All present dead letters.
    #[arg(long, conflicts_with_all = ["conversation", "number"])]
    all: bool,
    /// The conversation of one.
    #[arg(required_unless_present = "all", requires = "number", value_parser = parse_id)]
    conversation: Option<ConversationId>,
    /// Its number there.
    number: Option<u64>,
}

/// There was nothing to requeue.
const NOTHING: u8 = 3;
const PAGE: usize = 100;

pub(crate) async fn run(storage: &Storage, command: OutboxCommand) -> anyhow::Result<ExitCode> {
    // Whoever publishes is a server, not this.
    let (messaging, _) = storage.messaging(Switch::Off).build()?;
    take(&messaging, command, &mut io::stdout()).await
}

async fn take(
    messaging: &Messaging,
    command: OutboxCommand,
    out: &mut (impl Write + Send),
) -> anyhow::Result<ExitCode> {
    match command {
        OutboxCommand::List { limit } => {
            let mut walk = Walk::new(messaging);
            let mut left = limit;
            while left > 0 {
                let page = walk.next(left).await?;
                if page.is_empty() {
                    break;
                }
                left -= page.len();
                for DeadLetter { entry, why, at } in page {
                    let (id, number, why) = (entry.conversation_id, entry.number, why.escape_debug());
                    writeln!(out, "{at} {id} {number} {why}")?;
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        OutboxCommand::Requeue(args) => {
            let requeued = match (args.conversation, args.number) {
                (Some(id), Some(number)) => usize::from(messaging.requeue(id, number).await?),
                _ => requeue_all(messaging).await?,
            };
            writeln!(out, "requeued: {requeued}")?;
            let none = requeued == 0 && !args.all;
            Ok(if none {
                ExitCode::from(NOTHING)
            } else {
                ExitCode::SUCCESS
            })
        }
    }
}

/// They are listed before the first is requeued: an event that is refused again becomes a dead letter again, and would
/// be met again without an end.
async fn requeue_all(messaging: &Messaging) -> anyhow::Result<usize> {
    let mut walk = Walk::new(messaging);
    let mut all = Vec::new();
    loop {
        let page = walk.next(PAGE).await?;
        if page.is_empty() {
            break;
        }
        all.extend(page.iter().map(DeadLetter::position));
    }
    let mut requeued = 0;
    for place in all {
        requeued += usize::from(messaging.requeue(place.conversation_id, place.number).await?);
    }
    Ok(requeued)
}

/// A walk through all dead letters.
struct Walk<'a> {
    messaging: &'a Messaging,
    behind: Option<DeadLetterPosition>,
}

impl<'a> Walk<'a> {
    fn new(messaging: &'a Messaging) -> Self {
        Self {
            messaging,
            behind: None,
        }
    }

    /// The next ones, at most that many; none at the end.
    async fn next(&mut self, at_most: usize) -> anyhow::Result<Vec<DeadLetter>> {
        let limit = at_most.min(PAGE);
        let page = match &self.behind {
            Some(place) => self.messaging.list_dead_letters(Some(place), limit).await?,
            None => self.messaging.list_dead_letters(None, limit).await?,
        };
        self.behind = page.last().map(DeadLetter::position).or(self.behind);
        Ok(page)
    }
}

fn parse_id(id: &str) -> Result<ConversationId, String> {
    ConversationId::parse(id).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use messaging_core::{
        Actor, AgentId, OpenConversation, Role, Timestamp, UserId,
        id::WorkerId,
        memory::MemoryStore,
        store::{Claim, EntryKind, OutboxStore as _},
    };

    use super::*;
    use crate::directory::DemoDirectory;

    /// Has so many conversations, the opening of each of which is refused.
    async fn refused(count: usize) -> (MemoryStore, Messaging) {
        let store = MemoryStore::new();
        let (messaging, _) = Messaging::builder(store.clone(), DemoDirectory).build().unwrap();
        for n in 1..=count {
            let client = Actor::new(UserId::parse(format!("client-{n}")).unwrap(), Role::Client);
            let open = OpenConversation {
                agent_id: AgentId::parse("agency-1").unwrap(),
                booking_id: None,
            };
            messaging.open_conversation(&client, &open).await.unwrap();
        }
        refuse_all(&store, count).await;
        (store, messaging)
    }

    async fn refuse_all(store: &MemoryStore, count: usize) {
        let any = ConversationId::parse("00000000-0000-7000-8000-000000000000").unwrap();
        let by = WorkerId::new(any.as_uuid());
        let now = Timestamp::from_millis(4_000_000_000_000);
        let until = now + Duration::from_secs(10);
        let lanes = store
            .claim_lanes(&Claim::new(by, now, until, count))
            .await
            .unwrap();
        assert_eq!(lanes.len(), count);
        for loaded in store.load_entries(&lanes, 1).await.unwrap() {
            let mut of = lanes.iter();
            let lane = of.find(|lane| lane.conversation_id == loaded.entry.conversation_id);
            let step = store.dead_letter(by, lane.unwrap(), &loaded.entry, "413\nno", now);
            step.await.unwrap();
        }
    }

    async fn said(messaging: &Messaging, command: OutboxCommand) -> String {
        let mut out = Vec::new();
        take(messaging, command, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    const ALL: OutboxCommand = OutboxCommand::Requeue(RequeueArgs {
        all: true,
        conversation: None,
        number: None,
    });

    #[tokio::test]
    async fn as_many_are_listed_as_asked_for_each_in_a_line() {
        let (_, messaging) = refused(2 * PAGE + 50).await;
        for (limit, lines) in [
            (0, 0),
            (1, 1),
            (PAGE, PAGE),
            (PAGE + 1, PAGE + 1),
            (9_999, 2 * PAGE + 50),
        ] {
            let listed = said(&messaging, OutboxCommand::List { limit }).await;
            assert_eq!(listed.lines().count(), lines);
            assert!(
                listed.lines().all(|line| line.ends_with(r" 1 413\nno")),
                "{listed}"
            );
        }
    }

    #[tokio::test]
    async fn all_are_requeued_once() {
        let (store, messaging) = refused(PAGE + 50).await;
        assert_eq!(said(&messaging, ALL).await, "requeued: 150\n");
        assert_eq!(said(&messaging, ALL).await, "requeued: 0\n");
        let backlog = store.backlog().await.unwrap();
        assert_eq!((backlog.lanes, backlog.dead_letters), (150, 0));
    }

    #[tokio::test]
    async fn one_is_requeued_by_its_conversation_and_number() {
        let (store, messaging) = refused(2).await;
        let dead = store.list_dead_letters(None, 1).await.unwrap().remove(0);
        assert_eq!(dead.entry.kind, EntryKind::Updated);
        let one = OutboxCommand::Requeue(RequeueArgs {
            all: false,
            conversation: Some(dead.entry.conversation_id),
            number: Some(dead.entry.number),
        });
        assert_eq!(said(&messaging, one).await, "requeued: 1\n");
        assert_eq!(said(&messaging, one).await, "requeued: 0\n");
        assert_eq!(store.list_dead_letters(None, 9).await.unwrap().len(), 1);
    }
}
