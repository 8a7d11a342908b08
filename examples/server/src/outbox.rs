//! `messaging-server outbox`: events that the realtime server refused for good.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Subcommand;
use messaging_core::{ConversationId, Messaging, port::store::SetAside};

use crate::storage::Storage;

/// What to do with events that were set aside.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum OutboxCommand {
    /// Lists them, the oldest first: when, of which conversation, under which number, and why.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Puts them back among the events to publish. Servers that run publish them, also those that are started
    /// later.
    Requeue(RequeueArgs),
}

/// Which of them.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct RequeueArgs {
    /// All that are set aside now.
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
    let (messaging, _) = storage.messaging().build()?;
    match command {
        OutboxCommand::List { limit } => {
            for SetAside { entry, why, at } in messaging.list_set_aside(limit).await? {
                let (id, number, why) = (entry.conversation_id, entry.number, why.escape_debug());
                writeln!(io::stdout(), "{at} {id} {number} {why}")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        OutboxCommand::Requeue(args) => {
            let requeued = match (args.conversation, args.number) {
                (Some(id), Some(number)) => usize::from(messaging.requeue(id, number).await?),
                _ => requeue_all(&messaging).await?,
            };
            writeln!(io::stdout(), "requeued: {requeued}")?;
            let none = requeued == 0 && !args.all;
            Ok(if none {
                ExitCode::from(NOTHING)
            } else {
                ExitCode::SUCCESS
            })
        }
    }
}

async fn requeue_all(messaging: &Messaging) -> anyhow::Result<usize> {
    let mut requeued = 0;
    // What is refused again meanwhile is set aside again, and not requeued again.
    let mut left = messaging.health().await?.backlog.set_aside;
    while left > 0 {
        let page = messaging.list_set_aside(PAGE).await?;
        if page.is_empty() {
            break;
        }
        for SetAside { entry, .. } in page.into_iter().take(usize::try_from(left)?) {
            requeued += usize::from(messaging.requeue(entry.conversation_id, entry.number).await?);
            left -= 1;
        }
    }
    Ok(requeued)
}

fn parse_id(id: &str) -> Result<ConversationId, String> {
    ConversationId::parse(id).map_err(|why| why.to_string())
}
