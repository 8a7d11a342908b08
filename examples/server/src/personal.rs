//! `messaging-server export` and `erase`: the data of one user.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use messaging_core::{UserId, operations::Exported};
use serde_json::{Value, json};

use crate::{config::Switch, storage::Storage};

/// The user of a command.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct UserArgs {
    /// The user's id.
    #[arg(value_parser = parse_user)]
    user: UserId,
}

/// Writes all data of a user, one line of JSON for each item.
pub(crate) async fn export(storage: &Storage, args: UserArgs) -> anyhow::Result<ExitCode> {
    let (messaging, _) = storage.messaging(Switch::Off).build()?;
    let mut exported = messaging.operations().export_user(&args.user);
    while let Some(item) = exported.try_next().await.context("the export stopped")? {
        if let Some(json) = to_json(item) {
            writeln!(io::stdout(), "{json}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Erases a user and prints what was erased.
pub(crate) async fn erase(storage: &Storage, args: UserArgs) -> anyhow::Result<ExitCode> {
    let (messaging, _) = storage.messaging(Switch::Off).build()?;
    let erased = messaging
        .operations()
        .erase_user(&args.user)
        .await
        .context("the erasure stopped; repeat it to erase the rest")?;
    writeln!(
        io::stdout(),
        "conversations: {}, messages: {}",
        erased.conversations,
        erased.messages
    )?;
    if erased.open_reports > 0 {
        writeln!(
            io::stderr(),
            "{} open reports still name the user: erase the user again when they are resolved or dismissed",
            erased.open_reports
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The JSON form of an item; `None` for unknown kinds.
fn to_json(exported: Exported) -> Option<Value> {
    Some(match exported {
        Exported::Conversation {
            summary,
            side,
            bookings,
        } => json!({"conversation": {
            "id": summary.conversation.id,
            "agentId": summary.conversation.agent_id,
            "side": side,
            "bookings": bookings,
            "createdAt": summary.conversation.created_at,
        }}),
        Exported::Message { row, text, .. } => json!({"message": {
            "id": row.message.id,
            "conversationId": row.message.conversation_id,
            "seq": row.message.seq,
            "senderId": row.message.origin.sender(),
            "content": text.as_str(),
            "createdAt": row.message.created_at,
            "readAt": row.read_at(None),
        }}),
        Exported::Report(report) => json!({"report": {
            "id": report.id,
            "conversationId": report.conversation_id,
            "status": report.status().name(),
            "complaints": report.complaints.iter().map(|it| json!({"reason": it.reason.as_str(), "at": it.at})).collect::<Vec<_>>(),
        }}),
        _ => return None,
    })
}

fn parse_user(id: &str) -> Result<UserId, String> {
    UserId::parse(id).map_err(|error| error.to_string())
}
