//! `messaging-server verify`: checks the counters of a store.

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

/// The conversations to recount, as a range of ids; all by default.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Only conversations with a larger id, to continue a previous run.
    #[arg(long, value_parser = parse_id)]
    after: Option<ConversationId>,
    /// Only conversations up to this id, inclusive.
    #[arg(long, value_parser = parse_id)]
    up_to: Option<ConversationId>,
}

/// Exit status if there are discrepancies.
const DISCREPANCIES: u8 = 3;

/// Recounts a store and prints each discrepancy as it is found.
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
    ConversationId::parse(id).map_err(|error| error.to_string())
}
