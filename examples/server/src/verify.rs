//! `messaging-server verify`: what an operator runs when in doubt.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use messaging_core::{
    ConversationId,
    verify::{ConversationRange, verify},
};

use crate::storage::Storage;

/// Which conversations to recount: by id, all unless told otherwise.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Only those with a larger id: to go on where another run has ended.
    #[arg(long, value_parser = parse_id)]
    after: Option<ConversationId>,
    /// Only those with no larger id.
    #[arg(long, value_parser = parse_id)]
    up_to: Option<ConversationId>,
}

/// Something does not add up.
const DISCREPANCIES: u8 = 3;

/// Recounts a store, and writes each discrepancy to standard output as it is found.
pub(crate) async fn run(storage: &Storage, args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let mut range = ConversationRange::all();
    if let Some(id) = args.after {
        range = range.after(id);
    }
    if let Some(id) = args.up_to {
        range = range.up_to(id);
    }
    let mut found = 0_usize;
    let mut discrepancies = verify(storage.recount(), range);
    while let Some(discrepancy) = discrepancies.try_next().await.context("the recount stopped")? {
        found += 1;
        writeln!(io::stdout(), "{discrepancy}")?;
    }
    writeln!(io::stdout(), "discrepancies: {found}")?;
    Ok(if found == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DISCREPANCIES)
    })
}

fn parse_id(id: &str) -> Result<ConversationId, String> {
    ConversationId::parse(id).map_err(|why| why.to_string())
}
