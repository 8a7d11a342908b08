//! `messaging-server outbox`: dead letters, which are events that the realtime server rejected permanently.

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

/// Operations on dead letters.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum OutboxCommand {
    /// Lists dead letters, oldest first: time, conversation, number and reason.
    List {
        /// Maximum number of dead letters.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Requeues dead letters for publishing by the running servers. Prints the number of requeued events. Exits with
    /// status 3 if the named event is not a dead letter. May be repeated after a failure: no event is requeued twice.
    Requeue(RequeueArgs),
}

/// The dead letters to requeue.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct RequeueArgs {
    /// Requeue all dead letters.
    #[arg(long, conflicts_with_all = ["conversation", "number"])]
    all: bool,
    /// The conversation of one dead letter.
    #[arg(required_unless_present = "all", requires = "number", value_parser = parse_id)]
    conversation: Option<ConversationId>,
    /// The number of the event in the conversation.
    number: Option<u64>,
}

/// Exit status if the named event is not a dead letter.
const EXIT_NOT_FOUND: u8 = 3;
const PAGE: usize = 100;

pub(crate) async fn run(storage: &Storage, command: OutboxCommand) -> anyhow::Result<ExitCode> {
    // This command runs no workers: servers publish.
    let (messaging, _) = storage.messaging(Switch::Off).build()?;
    execute(&messaging, command, &mut io::stdout()).await
}

async fn execute(
    messaging: &Messaging,
    command: OutboxCommand,
    out: &mut (impl Write + Send),
) -> anyhow::Result<ExitCode> {
    match command {
        OutboxCommand::List { limit } => {
            let mut pages = DeadLetterPages::new(messaging);
            let mut left = limit;
            while left > 0 {
                let page = pages.next(left).await?;
                if page.is_empty() {
                    break;
                }
                left -= page.len();
                for DeadLetter { entry, why, at, .. } in page {
                    let (id, number, why) = (entry.conversation_id, entry.number, why.escape_debug());
                    writeln!(out, "{at} {id} {number} {why}")?;
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        OutboxCommand::Requeue(args) => {
            let requeued = match (args.conversation, args.number) {
                (Some(id), Some(number)) => usize::from(messaging.operations().requeue(id, number).await?),
                _ => requeue_all(messaging).await?,
            };
            writeln!(out, "requeued: {requeued}")?;
            let none = requeued == 0 && !args.all;
            Ok(if none {
                ExitCode::from(EXIT_NOT_FOUND)
            } else {
                ExitCode::SUCCESS
            })
        }
    }
}

/// Lists all dead letters before requeueing the first: an event that is rejected again in the meantime would otherwise
/// be listed endlessly.
async fn requeue_all(messaging: &Messaging) -> anyhow::Result<usize> {
    let mut pages = DeadLetterPages::new(messaging);
    let mut all = Vec::new();
    loop {
        let page = pages.next(PAGE).await?;
        if page.is_empty() {
            break;
        }
        all.extend(page.iter().map(DeadLetter::position));
    }
    let mut requeued = 0;
    for place in all {
        requeued += usize::from(
            messaging
                .operations()
                .requeue(place.conversation_id, place.number)
                .await?,
        );
    }
    Ok(requeued)
}

/// Iterates over the pages of dead letters.
struct DeadLetterPages<'a> {
    messaging: &'a Messaging,
    last: Option<DeadLetterPosition>,
}

impl<'a> DeadLetterPages<'a> {
    fn new(messaging: &'a Messaging) -> Self {
        Self {
            messaging,
            last: None,
        }
    }

    /// The next page with at most `max` items; empty at the end.
    async fn next(&mut self, max: usize) -> anyhow::Result<Vec<DeadLetter>> {
        let limit = max.min(PAGE);
        let page = self
            .messaging
            .operations()
            .list_dead_letters(self.last.as_ref(), limit)
            .await?;
        self.last = page.last().map(DeadLetter::position).or(self.last);
        Ok(page)
    }
}

fn parse_id(id: &str) -> Result<ConversationId, String> {
    ConversationId::parse(id).map_err(|error| error.to_string())
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

    /// Creates `count` conversations whose first event is a dead letter.
    async fn with_dead_letters(count: usize) -> (MemoryStore, Messaging) {
        let store = MemoryStore::new();
        let (messaging, _) = Messaging::builder(store.clone(), DemoDirectory).build().unwrap();
        for n in 1..=count {
            let client = Actor::new(UserId::parse(format!("client-{n}")).unwrap(), Role::Client);
            let open = OpenConversation::new(AgentId::parse("agency-1").unwrap());
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

    async fn output_of(messaging: &Messaging, command: OutboxCommand) -> String {
        let mut out = Vec::new();
        execute(messaging, command, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    const ALL: OutboxCommand = OutboxCommand::Requeue(RequeueArgs {
        all: true,
        conversation: None,
        number: None,
    });

    #[tokio::test]
    async fn the_list_has_one_line_for_each_dead_letter_up_to_the_limit() {
        let (_, messaging) = with_dead_letters(2 * PAGE + 50).await;
        for (limit, lines) in [
            (0, 0),
            (1, 1),
            (PAGE, PAGE),
            (PAGE + 1, PAGE + 1),
            (9_999, 2 * PAGE + 50),
        ] {
            let listed = output_of(&messaging, OutboxCommand::List { limit }).await;
            assert_eq!(listed.lines().count(), lines);
            assert!(
                listed.lines().all(|line| line.ends_with(r" 1 413\nno")),
                "{listed}"
            );
        }
    }

    #[tokio::test]
    async fn requeueing_all_requeues_each_event_once() {
        let (store, messaging) = with_dead_letters(PAGE + 50).await;
        assert_eq!(output_of(&messaging, ALL).await, "requeued: 150\n");
        assert_eq!(output_of(&messaging, ALL).await, "requeued: 0\n");
        let backlog = store.backlog().await.unwrap();
        assert_eq!((backlog.lanes, backlog.dead_letters), (150, 0));
    }

    #[tokio::test]
    async fn one_event_is_requeued_by_conversation_and_number() {
        let (store, messaging) = with_dead_letters(2).await;
        let dead = store.list_dead_letters(None, 1).await.unwrap().remove(0);
        assert_eq!(dead.entry.kind, EntryKind::Updated);
        let one = OutboxCommand::Requeue(RequeueArgs {
            all: false,
            conversation: Some(dead.entry.conversation_id),
            number: Some(dead.entry.number),
        });
        assert_eq!(output_of(&messaging, one).await, "requeued: 1\n");
        assert_eq!(output_of(&messaging, one).await, "requeued: 0\n");
        assert_eq!(store.list_dead_letters(None, 9).await.unwrap().len(), 1);
    }
}
