//! `messaging-server export` and `erase`: what is of one user.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use messaging_core::{Exported, UserId};
use serde_json::{Value, json};

use crate::{config::Switch, storage::Storage};

/// Whose.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct OfUser {
    /// The user's id.
    #[arg(value_parser = parse_user)]
    user: UserId,
}

/// Writes everything that is of a user, a line of JSON each.
pub(crate) async fn export(storage: &Storage, of: OfUser) -> anyhow::Result<ExitCode> {
    let (messaging, _) = storage.messaging(Switch::Off).build()?;
    let mut exported = messaging.export_user(&of.user);
    while let Some(one) = exported.try_next().await.context("the export stopped")? {
        if let Some(shown) = shown(one) {
            writeln!(io::stdout(), "{shown}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Forgets a user, and says what that was.
pub(crate) async fn erase(storage: &Storage, of: OfUser) -> anyhow::Result<ExitCode> {
    let (messaging, _) = storage.messaging(Switch::Off).build()?;
    let erased = messaging
        .erase_user(&of.user)
        .await
        .context("repeat it to erase the rest")?;
    writeln!(
        io::stdout(),
        "conversations: {}, messages: {}",
        erased.conversations,
        erased.messages
    )?;
    if erased.open_reports > 0 {
        writeln!(
            io::stderr(),
            "{} open reports still name the user: erase again when they are settled",
            erased.open_reports
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// As JSON; `None` for what is not known here.
fn shown(exported: Exported) -> Option<Value> {
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
        Exported::Message(row) => json!({"message": {
            "id": row.message.id,
            "conversationId": row.message.conversation_id,
            "seq": row.message.seq,
            "senderId": row.message.origin.sender(),
            "content": row.message.body.as_str(),
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
    UserId::parse(id).map_err(|why| why.to_string())
}
